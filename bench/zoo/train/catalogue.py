"""All entries of the zoo."""
from entry import Entry
from image_entries import IMAGE_ENTRIES
from text_entries import TEXT_ENTRIES

ENTRIES: tuple[Entry, ...] = (*IMAGE_ENTRIES, *TEXT_ENTRIES)
