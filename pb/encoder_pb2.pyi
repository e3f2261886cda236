from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClipToEncode(_message.Message):
    __slots__ = ("file", "name")
    FILE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    name: str
    def __init__(self, file: _Optional[bytes] = ..., name: _Optional[str] = ...) -> None: ...

class EncodeRequest(_message.Message):
    __slots__ = ("clips",)
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    clips: _containers.RepeatedCompositeFieldContainer[ClipToEncode]
    def __init__(self, clips: _Optional[_Iterable[_Union[ClipToEncode, _Mapping]]] = ...) -> None: ...

class EncodedClip(_message.Message):
    __slots__ = ("vectors", "reason", "detail")
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    vectors: bytes
    reason: str
    detail: str
    def __init__(self, vectors: _Optional[bytes] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class EncodeResponse(_message.Message):
    __slots__ = ("space", "encoder", "layers", "dim", "clips")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    space: str
    encoder: str
    layers: _containers.RepeatedScalarFieldContainer[str]
    dim: int
    clips: _containers.RepeatedCompositeFieldContainer[EncodedClip]
    def __init__(self, space: _Optional[str] = ..., encoder: _Optional[str] = ..., layers: _Optional[_Iterable[str]] = ..., dim: _Optional[int] = ..., clips: _Optional[_Iterable[_Union[EncodedClip, _Mapping]]] = ...) -> None: ...
