"""What a plain vector engine lacks: id order, exact filters, merged metadata, text search. Engines implement `base`."""
