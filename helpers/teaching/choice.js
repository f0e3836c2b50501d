// A prediction as the browser shows it: one group of radio buttons, whole with its question, for mouse and keyboard.
// The kernel owns what is picked and what is right; see choice.py.

function render({ model, el }) {
  const group = document.createElement("fieldset");
  group.className = "lab-choice";
  // A name of its own for each group, or the buttons of two predictions switch each other off. Not counted: each widget
  // has loaded this file for itself.
  const name = `lab-choice-${Math.random().toString(36).slice(2)}`;
  const question = group.appendChild(document.createElement("legend"));
  question.textContent = model.get("question");

  const rows = model.get("options").map((text, index) => {
    const row = group.appendChild(document.createElement("label"));
    const button = row.appendChild(document.createElement("input"));
    Object.assign(button, { type: "radio", name });
    button.addEventListener("change", () => {
      model.set("picked", index);
      model.save_changes();
    });
    row.append(` ${text}`);
    const mark = row.appendChild(document.createElement("strong"));
    return { row, button, mark };
  });
  const lost = group.appendChild(document.createElement("p"));
  lost.textContent = "This cell's kernel has ended: run it again.";

  // A question that stands on a page already, loaded again or after a restart: is the kernel that asked it still there?
  let dead = !model.get("fresh");
  const ask = () => model.send("there?");
  model.on("msg:custom", () => { dead = false; update(); });
  model.on("comm_live_update", () => { dead = true; update(); ask(); });

  const update = () => {
    const [picked, right] = [model.get("picked"), model.get("right")];
    rows.forEach(({ row, button, mark }, index) => {
      button.checked = index === picked;
      button.disabled = dead || model.get("settled");
      mark.textContent = !model.get("settled") ? "" : index === right ? "  ✔ so it was" : index === picked ? "  ← you" : "";
      row.classList.toggle("lab-choice-right", model.get("settled") && index === right);
    });
    lost.hidden = !dead || model.get("settled");
  };
  for (const trait of ["picked", "right", "settled"]) model.on(`change:${trait}`, update);
  update();
  ask();

  // JupyterLab moves between cells with these keys; inside the group they move between its options, or pick one.
  // Shift+Enter goes on: with the keyboard in here, JupyterLab takes this cell for the one to run, and would ask anew.
  group.addEventListener("keydown", (event) => {
    const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Enter" && event.shiftKey) group.closest(".jp-Cell")?.nextElementSibling?.focus();
    else if (event.key === "Enter" && plain) event.target.click();
    if (plain && (event.key.startsWith("Arrow") || event.key === " " || event.key === "Enter")) event.stopPropagation();
  });
  el.appendChild(group);
  requestAnimationFrame(() => focus(model, group));
}

// Shift+Enter moves on to the cell below, past the question: bring the keyboard back to it, once, and only for whoever
// has just run this very cell. "Run All" and a page that is loaded again leave the keyboard where it is.
function focus(model, group) {
  if (!model.get("fresh")) return;
  model.set("fresh", false);
  model.save_changes();
  const cell = group.closest(".jp-Cell");
  const active = cell?.closest(".jp-Notebook")?.querySelector(".jp-mod-active"); // other notebooks have one, too
  const typing = document.activeElement?.closest(".cm-content, input, textarea");
  if (cell && !typing && (active === cell || active?.previousElementSibling === cell)) {
    group.querySelector("input").focus({ preventScroll: true });
  }
}

export default { render };
