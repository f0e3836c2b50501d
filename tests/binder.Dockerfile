# What Binder makes of binder/, step by step as repo2docker does it (its conda apart: Debian's Python of the same
# version), so that the folder is proved without Binder. Built and run by: python -m tests.binder
ARG BASE=debian:13
FROM ${BASE}
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update -q && apt-get install -qy --no-install-recommends \
      python3 python3-venv ca-certificates git bash >/dev/null && useradd --create-home --uid 1000 jovyan

# as root: only the packages of apt.txt
COPY binder/apt.txt /tmp/apt.txt
RUN apt-get update -q && xargs apt-get install -qy --no-install-recommends </tmp/apt.txt >/dev/null

# everything else as the user who will learn
COPY --chown=1000:1000 . /home/jovyan
RUN chown 1000:1000 /home/jovyan && mkdir -p /srv/env && chown 1000:1000 /srv/env
USER jovyan
WORKDIR /home/jovyan
RUN test "$(cat binder/runtime.txt)" = "python-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
ENV PATH=/srv/env/bin:$PATH
RUN python3 -m venv /srv/env && pip install -q --no-cache-dir -r binder/requirements.txt
RUN chmod +x binder/postBuild binder/start && ./binder/postBuild
ENTRYPOINT ["/home/jovyan/binder/start"]
