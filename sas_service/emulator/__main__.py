"""Lets `python -m sas_service.emulator` start the emulator."""

from sas_service.emulator.command import emulator

if __name__ == "__main__":
    emulator()
