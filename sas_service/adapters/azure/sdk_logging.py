"""Keeps the SDKs' own loggers quiet: their texts quote answers of Azure, and those may hold tokens.

Measured: a credential whose answer cannot be read logs the exception's text, and with it the answer, as a warning;
at DEBUG level tracebacks follow. What we want to know of a failure is said by ``errors.py`` in our own words.
"""

import logging

_SDK_LOGGERS = ("azure", "msal")


def silence_sdk_loggers() -> None:
    """Stop every record of the SDKs at their own root, whatever level the application's root logger has."""
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
