"""What a link, a code or a number is, and whose (product OCP-3, CLD-6)."""
