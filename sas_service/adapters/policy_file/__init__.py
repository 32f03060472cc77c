"""The policy document: one strict YAML file, read as a whole or refused as a whole."""

from sas_service.adapters.policy_file.document import load_policy, parse_policy
from sas_service.adapters.policy_file.file import PolicyFile, TakeoverCheck
from sas_service.adapters.policy_file.last_accepted import LastAccepted
from sas_service.adapters.policy_file.shape import json_schema

__all__ = ["LastAccepted", "PolicyFile", "TakeoverCheck", "json_schema", "load_policy", "parse_policy"]
