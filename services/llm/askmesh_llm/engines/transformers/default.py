"""The model that is served when none is named. Imports nothing, so that the command line stays quick."""

DEFAULT_MODEL = "microsoft/Phi-3-mini-4k-instruct"
DEFAULT_REVISION = "0a67737cc96d2554230f90338b163bc6380a2a85"
