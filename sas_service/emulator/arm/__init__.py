"""Azure Resource Manager: resources, roles and locks, behind bearer tokens, permissions and request limits."""
