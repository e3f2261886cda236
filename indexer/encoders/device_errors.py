"""Classifies errors of a device by their message: memory that ran out, or a device that this process has lost."""

from __future__ import annotations

ENCODER_MEMORY = "encoder_memory"
"""Reason of a clip that alone takes more memory than the encoder's device has."""

_NO_MEMORY = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed")
"""PyTorch's messages on CUDA, on Apple's devices and on a CPU, in errors that are no MemoryError."""
_LOST = "CUDA error"


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, so that fewer clips at once may still fit.

    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    """
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)


def is_lost(error: Exception) -> bool:
    """Whether the process that had the error cannot use its device any more, for any clip.

    >>> is_lost(RuntimeError("CUDA error: an illegal memory access was encountered"))
    True
    >>> is_lost(RuntimeError("CUDA error: out of memory"))
    False
    """
    return _LOST in str(error) and not is_out_of_memory(error)
