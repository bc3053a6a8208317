"""The names that quantized files go by, part by part, and the recipe that each of them means, where it means one."""
