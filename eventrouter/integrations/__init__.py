"""What connects a router to other libraries and systems, each an extra of its own."""
