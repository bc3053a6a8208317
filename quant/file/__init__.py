"""A quantized model on disk, in exactly the bytes that were promised."""
