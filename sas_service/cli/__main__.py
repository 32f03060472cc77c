"""``python -m sas_service.cli``: the same as the command ``sas-service``."""

from sas_service.cli.main import main

main()
