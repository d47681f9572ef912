"""The forms of the subentries, and what stands behind the forms."""
