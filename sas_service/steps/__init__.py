"""What the lines of the playbooks do: each looks at the world first, and changes one thing if need be."""
