"""The course itself: its lessons, their frame, the learner's progress, and the roadmap's shop and chooser."""
