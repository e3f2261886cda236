from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Signal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_UNSPECIFIED: _ClassVar[Signal]
    SIGNAL_AUDIO: _ClassVar[Signal]
    SIGNAL_SCENE: _ClassVar[Signal]
    SIGNAL_GENRE: _ClassVar[Signal]
    SIGNAL_COLLABORATION: _ClassVar[Signal]

class Resolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESOLUTION_UNSPECIFIED: _ClassVar[Resolution]
    RESOLUTION_FOUND: _ClassVar[Resolution]
    RESOLUTION_AMBIGUOUS: _ClassVar[Resolution]
    RESOLUTION_NOT_FOUND: _ClassVar[Resolution]
    RESOLUTION_INVALID: _ClassVar[Resolution]
    RESOLUTION_SEVERAL: _ClassVar[Resolution]

class Calibration(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALIBRATION_UNSPECIFIED: _ClassVar[Calibration]
    CALIBRATION_CALIBRATED: _ClassVar[Calibration]
    CALIBRATION_PROVISIONAL: _ClassVar[Calibration]
    CALIBRATION_UNCALIBRATED: _ClassVar[Calibration]
SIGNAL_UNSPECIFIED: Signal
SIGNAL_AUDIO: Signal
SIGNAL_SCENE: Signal
SIGNAL_GENRE: Signal
SIGNAL_COLLABORATION: Signal
RESOLUTION_UNSPECIFIED: Resolution
RESOLUTION_FOUND: Resolution
RESOLUTION_AMBIGUOUS: Resolution
RESOLUTION_NOT_FOUND: Resolution
RESOLUTION_INVALID: Resolution
RESOLUTION_SEVERAL: Resolution
CALIBRATION_UNSPECIFIED: Calibration
CALIBRATION_CALIBRATED: Calibration
CALIBRATION_PROVISIONAL: Calibration
CALIBRATION_UNCALIBRATED: Calibration

class Generation(_message.Message):
    __slots__ = ("version", "space", "degraded")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    version: int
    space: str
    degraded: bool
    def __init__(self, version: _Optional[int] = ..., space: _Optional[str] = ..., degraded: _Optional[bool] = ...) -> None: ...

class ExternalId(_message.Message):
    __slots__ = ("namespace", "value")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    value: str
    def __init__(self, namespace: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ArtistRef(_message.Message):
    __slots__ = ("id", "external_id", "name")
    ID_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    external_id: ExternalId
    name: str
    def __init__(self, id: _Optional[str] = ..., external_id: _Optional[_Union[ExternalId, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class TrackName(_message.Message):
    __slots__ = ("title", "artist")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    title: str
    artist: str
    def __init__(self, title: _Optional[str] = ..., artist: _Optional[str] = ...) -> None: ...

class TrackRef(_message.Message):
    __slots__ = ("id", "name")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: TrackName
    def __init__(self, id: _Optional[str] = ..., name: _Optional[_Union[TrackName, _Mapping]] = ...) -> None: ...

class SignalWeight(_message.Message):
    __slots__ = ("signal", "weight")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    weight: float
    def __init__(self, signal: _Optional[_Union[Signal, str]] = ..., weight: _Optional[float] = ...) -> None: ...

class SignalWeights(_message.Message):
    __slots__ = ("weights",)
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    weights: _containers.RepeatedCompositeFieldContainer[SignalWeight]
    def __init__(self, weights: _Optional[_Iterable[_Union[SignalWeight, _Mapping]]] = ...) -> None: ...

class LayerWeight(_message.Message):
    __slots__ = ("layer", "weight")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    layer: str
    weight: float
    def __init__(self, layer: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class LayerMix(_message.Message):
    __slots__ = ("layers",)
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    layers: _containers.RepeatedCompositeFieldContainer[LayerWeight]
    def __init__(self, layers: _Optional[_Iterable[_Union[LayerWeight, _Mapping]]] = ...) -> None: ...

class AspectWeight(_message.Message):
    __slots__ = ("aspect", "weight")
    ASPECT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    aspect: str
    weight: float
    def __init__(self, aspect: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class AspectMix(_message.Message):
    __slots__ = ("aspects",)
    ASPECTS_FIELD_NUMBER: _ClassVar[int]
    aspects: _containers.RepeatedCompositeFieldContainer[AspectWeight]
    def __init__(self, aspects: _Optional[_Iterable[_Union[AspectWeight, _Mapping]]] = ...) -> None: ...

class Listening(_message.Message):
    __slots__ = ("layer", "aspect", "layer_mix", "aspect_mix")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    ASPECT_FIELD_NUMBER: _ClassVar[int]
    LAYER_MIX_FIELD_NUMBER: _ClassVar[int]
    ASPECT_MIX_FIELD_NUMBER: _ClassVar[int]
    layer: str
    aspect: str
    layer_mix: LayerMix
    aspect_mix: AspectMix
    def __init__(self, layer: _Optional[str] = ..., aspect: _Optional[str] = ..., layer_mix: _Optional[_Union[LayerMix, _Mapping]] = ..., aspect_mix: _Optional[_Union[AspectMix, _Mapping]] = ...) -> None: ...

class ArtistFilter(_message.Message):
    __slots__ = ("genres_any", "genres_all", "genres_none", "min_tracks", "min_popularity", "max_popularity")
    GENRES_ANY_FIELD_NUMBER: _ClassVar[int]
    GENRES_ALL_FIELD_NUMBER: _ClassVar[int]
    GENRES_NONE_FIELD_NUMBER: _ClassVar[int]
    MIN_TRACKS_FIELD_NUMBER: _ClassVar[int]
    MIN_POPULARITY_FIELD_NUMBER: _ClassVar[int]
    MAX_POPULARITY_FIELD_NUMBER: _ClassVar[int]
    genres_any: _containers.RepeatedScalarFieldContainer[str]
    genres_all: _containers.RepeatedScalarFieldContainer[str]
    genres_none: _containers.RepeatedScalarFieldContainer[str]
    min_tracks: int
    min_popularity: float
    max_popularity: float
    def __init__(self, genres_any: _Optional[_Iterable[str]] = ..., genres_all: _Optional[_Iterable[str]] = ..., genres_none: _Optional[_Iterable[str]] = ..., min_tracks: _Optional[int] = ..., min_popularity: _Optional[float] = ..., max_popularity: _Optional[float] = ...) -> None: ...

class TrackFilter(_message.Message):
    __slots__ = ("genres_any", "genres_all", "genres_none")
    GENRES_ANY_FIELD_NUMBER: _ClassVar[int]
    GENRES_ALL_FIELD_NUMBER: _ClassVar[int]
    GENRES_NONE_FIELD_NUMBER: _ClassVar[int]
    genres_any: _containers.RepeatedScalarFieldContainer[str]
    genres_all: _containers.RepeatedScalarFieldContainer[str]
    genres_none: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, genres_any: _Optional[_Iterable[str]] = ..., genres_all: _Optional[_Iterable[str]] = ..., genres_none: _Optional[_Iterable[str]] = ...) -> None: ...

class SignalScore(_message.Message):
    __slots__ = ("signal", "available", "raw", "value", "weight", "contribution", "percentile")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    available: bool
    raw: float
    value: float
    weight: float
    contribution: float
    percentile: float
    def __init__(self, signal: _Optional[_Union[Signal, str]] = ..., available: _Optional[bool] = ..., raw: _Optional[float] = ..., value: _Optional[float] = ..., weight: _Optional[float] = ..., contribution: _Optional[float] = ..., percentile: _Optional[float] = ...) -> None: ...

class SharedGenre(_message.Message):
    __slots__ = ("genre", "weight")
    GENRE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    genre: str
    weight: float
    def __init__(self, genre: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class SharedNeighbour(_message.Message):
    __slots__ = ("artist", "strength")
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    artist: ArtistSummary
    strength: float
    def __init__(self, artist: _Optional[_Union[ArtistSummary, _Mapping]] = ..., strength: _Optional[float] = ...) -> None: ...

class ScenePath(_message.Message):
    __slots__ = ("over", "strength")
    OVER_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    over: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    strength: float
    def __init__(self, over: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., strength: _Optional[float] = ...) -> None: ...

class SharedRecording(_message.Message):
    __slots__ = ("kind", "title")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    title: str
    def __init__(self, kind: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class NearestTracks(_message.Message):
    __slots__ = ("a", "b", "cosine", "aspect")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    COSINE_FIELD_NUMBER: _ClassVar[int]
    ASPECT_FIELD_NUMBER: _ClassVar[int]
    a: TrackSummary
    b: TrackSummary
    cosine: float
    aspect: str
    def __init__(self, a: _Optional[_Union[TrackSummary, _Mapping]] = ..., b: _Optional[_Union[TrackSummary, _Mapping]] = ..., cosine: _Optional[float] = ..., aspect: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("genres", "scene_neighbours", "recordings", "nearest_tracks", "sentence", "scene_paths", "listed_together")
    GENRES_FIELD_NUMBER: _ClassVar[int]
    SCENE_NEIGHBOURS_FIELD_NUMBER: _ClassVar[int]
    RECORDINGS_FIELD_NUMBER: _ClassVar[int]
    NEAREST_TRACKS_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    SCENE_PATHS_FIELD_NUMBER: _ClassVar[int]
    LISTED_TOGETHER_FIELD_NUMBER: _ClassVar[int]
    genres: _containers.RepeatedCompositeFieldContainer[SharedGenre]
    scene_neighbours: _containers.RepeatedCompositeFieldContainer[SharedNeighbour]
    recordings: _containers.RepeatedCompositeFieldContainer[SharedRecording]
    nearest_tracks: NearestTracks
    sentence: str
    scene_paths: _containers.RepeatedCompositeFieldContainer[ScenePath]
    listed_together: float
    def __init__(self, genres: _Optional[_Iterable[_Union[SharedGenre, _Mapping]]] = ..., scene_neighbours: _Optional[_Iterable[_Union[SharedNeighbour, _Mapping]]] = ..., recordings: _Optional[_Iterable[_Union[SharedRecording, _Mapping]]] = ..., nearest_tracks: _Optional[_Union[NearestTracks, _Mapping]] = ..., sentence: _Optional[str] = ..., scene_paths: _Optional[_Iterable[_Union[ScenePath, _Mapping]]] = ..., listed_together: _Optional[float] = ...) -> None: ...

class ArtistSummary(_message.Message):
    __slots__ = ("id", "name")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class TrackSummary(_message.Message):
    __slots__ = ("id", "title", "artist", "album", "duration_ms", "credit", "path")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    ALBUM_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    artist: ArtistSummary
    album: str
    duration_ms: int
    credit: str
    path: str
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., artist: _Optional[_Union[ArtistSummary, _Mapping]] = ..., album: _Optional[str] = ..., duration_ms: _Optional[int] = ..., credit: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("tracks", "coherence", "standard_error", "low")
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    COHERENCE_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    tracks: int
    coherence: float
    standard_error: float
    low: bool
    def __init__(self, tracks: _Optional[int] = ..., coherence: _Optional[float] = ..., standard_error: _Optional[float] = ..., low: _Optional[bool] = ...) -> None: ...

class ScoredArtist(_message.Message):
    __slots__ = ("artist", "score", "breakdown", "explanation", "base", "evidence", "order_key", "popularity", "groups")
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BREAKDOWN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    ORDER_KEY_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    artist: ArtistSummary
    score: float
    breakdown: _containers.RepeatedCompositeFieldContainer[SignalScore]
    explanation: Explanation
    base: float
    evidence: Evidence
    order_key: float
    popularity: float
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, artist: _Optional[_Union[ArtistSummary, _Mapping]] = ..., score: _Optional[float] = ..., breakdown: _Optional[_Iterable[_Union[SignalScore, _Mapping]]] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ..., base: _Optional[float] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ..., order_key: _Optional[float] = ..., popularity: _Optional[float] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class SimilarArtistsRequest(_message.Message):
    __slots__ = ("seeds", "negative_seeds", "limit", "page_token", "profile", "weights", "listening", "candidates", "exclude", "filter", "explain", "depth")
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_SEEDS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LISTENING_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    seeds: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    negative_seeds: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    limit: int
    page_token: str
    profile: str
    weights: SignalWeights
    listening: Listening
    candidates: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    exclude: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    filter: ArtistFilter
    explain: bool
    depth: float
    def __init__(self, seeds: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., negative_seeds: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ..., profile: _Optional[str] = ..., weights: _Optional[_Union[SignalWeights, _Mapping]] = ..., listening: _Optional[_Union[Listening, _Mapping]] = ..., candidates: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., exclude: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., filter: _Optional[_Union[ArtistFilter, _Mapping]] = ..., explain: _Optional[bool] = ..., depth: _Optional[float] = ...) -> None: ...

class SimilarArtistsResponse(_message.Message):
    __slots__ = ("generation", "artists", "next_page_token", "not_indexed", "seeds")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    artists: _containers.RepeatedCompositeFieldContainer[ScoredArtist]
    next_page_token: str
    not_indexed: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    seeds: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., artists: _Optional[_Iterable[_Union[ScoredArtist, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., not_indexed: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., seeds: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ...) -> None: ...

class BatchSimilarArtistsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[SimilarArtistsRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[SimilarArtistsRequest, _Mapping]]] = ...) -> None: ...

class BatchSimilarArtistsEntry(_message.Message):
    __slots__ = ("code", "message", "response", "suggestions")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    response: SimilarArtistsResponse
    suggestions: _containers.RepeatedCompositeFieldContainer[Suggestion]
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., response: _Optional[_Union[SimilarArtistsResponse, _Mapping]] = ..., suggestions: _Optional[_Iterable[_Union[Suggestion, _Mapping]]] = ...) -> None: ...

class BatchSimilarArtistsResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[BatchSimilarArtistsEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[BatchSimilarArtistsEntry, _Mapping]]] = ...) -> None: ...

class CompareArtistsRequest(_message.Message):
    __slots__ = ("a", "b", "profile", "weights", "listening")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LISTENING_FIELD_NUMBER: _ClassVar[int]
    a: ArtistRef
    b: ArtistRef
    profile: str
    weights: SignalWeights
    listening: Listening
    def __init__(self, a: _Optional[_Union[ArtistRef, _Mapping]] = ..., b: _Optional[_Union[ArtistRef, _Mapping]] = ..., profile: _Optional[str] = ..., weights: _Optional[_Union[SignalWeights, _Mapping]] = ..., listening: _Optional[_Union[Listening, _Mapping]] = ...) -> None: ...

class CompareArtistsResponse(_message.Message):
    __slots__ = ("generation", "a", "b", "score", "breakdown", "explanation", "not_indexed", "base", "evidence_a", "evidence_b")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BREAKDOWN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_A_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_B_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    a: ArtistSummary
    b: ArtistSummary
    score: float
    breakdown: _containers.RepeatedCompositeFieldContainer[SignalScore]
    explanation: Explanation
    not_indexed: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    base: float
    evidence_a: Evidence
    evidence_b: Evidence
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., a: _Optional[_Union[ArtistSummary, _Mapping]] = ..., b: _Optional[_Union[ArtistSummary, _Mapping]] = ..., score: _Optional[float] = ..., breakdown: _Optional[_Iterable[_Union[SignalScore, _Mapping]]] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ..., not_indexed: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., base: _Optional[float] = ..., evidence_a: _Optional[_Union[Evidence, _Mapping]] = ..., evidence_b: _Optional[_Union[Evidence, _Mapping]] = ...) -> None: ...

class LineUpEntry(_message.Message):
    __slots__ = ("artist", "groups")
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    artist: ArtistRef
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, artist: _Optional[_Union[ArtistRef, _Mapping]] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class RankedGroup(_message.Message):
    __slots__ = ("name", "best", "artists")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    best: _containers.RepeatedCompositeFieldContainer[GroupPlace]
    artists: int
    def __init__(self, name: _Optional[str] = ..., best: _Optional[_Iterable[_Union[GroupPlace, _Mapping]]] = ..., artists: _Optional[int] = ...) -> None: ...

class GroupPlace(_message.Message):
    __slots__ = ("artist", "score", "rank")
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    artist: ArtistSummary
    score: float
    rank: int
    def __init__(self, artist: _Optional[_Union[ArtistSummary, _Mapping]] = ..., score: _Optional[float] = ..., rank: _Optional[int] = ...) -> None: ...

class RankArtistsRequest(_message.Message):
    __slots__ = ("seeds", "candidates", "profile", "weights", "listening", "explain", "line_up", "negative_seeds", "group_limit")
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LISTENING_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    LINE_UP_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_SEEDS_FIELD_NUMBER: _ClassVar[int]
    GROUP_LIMIT_FIELD_NUMBER: _ClassVar[int]
    seeds: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    candidates: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    profile: str
    weights: SignalWeights
    listening: Listening
    explain: bool
    line_up: _containers.RepeatedCompositeFieldContainer[LineUpEntry]
    negative_seeds: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    group_limit: int
    def __init__(self, seeds: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., candidates: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., profile: _Optional[str] = ..., weights: _Optional[_Union[SignalWeights, _Mapping]] = ..., listening: _Optional[_Union[Listening, _Mapping]] = ..., explain: _Optional[bool] = ..., line_up: _Optional[_Iterable[_Union[LineUpEntry, _Mapping]]] = ..., negative_seeds: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., group_limit: _Optional[int] = ...) -> None: ...

class RankArtistsResponse(_message.Message):
    __slots__ = ("generation", "artists", "not_found", "seeds", "not_indexed", "unresolved", "readings", "groups")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    NOT_FOUND_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    UNRESOLVED_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    artists: _containers.RepeatedCompositeFieldContainer[ScoredArtist]
    not_found: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    seeds: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    not_indexed: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    unresolved: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    readings: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    groups: _containers.RepeatedCompositeFieldContainer[RankedGroup]
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., artists: _Optional[_Iterable[_Union[ScoredArtist, _Mapping]]] = ..., not_found: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., seeds: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., not_indexed: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., unresolved: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ..., readings: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[RankedGroup, _Mapping]]] = ...) -> None: ...

class LineUpUser(_message.Message):
    __slots__ = ("key", "seeds", "negative_seeds")
    KEY_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_SEEDS_FIELD_NUMBER: _ClassVar[int]
    key: str
    seeds: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    negative_seeds: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    def __init__(self, key: _Optional[str] = ..., seeds: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., negative_seeds: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ...) -> None: ...

class BatchRankArtistsRequest(_message.Message):
    __slots__ = ("line_up", "profile", "weights", "listening", "explain", "limit", "group_limit", "users")
    LINE_UP_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LISTENING_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    GROUP_LIMIT_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    line_up: _containers.RepeatedCompositeFieldContainer[LineUpEntry]
    profile: str
    weights: SignalWeights
    listening: Listening
    explain: bool
    limit: int
    group_limit: int
    users: _containers.RepeatedCompositeFieldContainer[LineUpUser]
    def __init__(self, line_up: _Optional[_Iterable[_Union[LineUpEntry, _Mapping]]] = ..., profile: _Optional[str] = ..., weights: _Optional[_Union[SignalWeights, _Mapping]] = ..., listening: _Optional[_Union[Listening, _Mapping]] = ..., explain: _Optional[bool] = ..., limit: _Optional[int] = ..., group_limit: _Optional[int] = ..., users: _Optional[_Iterable[_Union[LineUpUser, _Mapping]]] = ...) -> None: ...

class UserRanking(_message.Message):
    __slots__ = ("key", "code", "message", "artists", "groups", "seeds", "not_indexed", "unresolved")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    UNRESOLVED_FIELD_NUMBER: _ClassVar[int]
    key: str
    code: int
    message: str
    artists: _containers.RepeatedCompositeFieldContainer[ScoredArtist]
    groups: _containers.RepeatedCompositeFieldContainer[RankedGroup]
    seeds: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    not_indexed: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    unresolved: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    def __init__(self, key: _Optional[str] = ..., code: _Optional[int] = ..., message: _Optional[str] = ..., artists: _Optional[_Iterable[_Union[ScoredArtist, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[RankedGroup, _Mapping]]] = ..., seeds: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., not_indexed: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., unresolved: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ...) -> None: ...

class BatchRankArtistsResponse(_message.Message):
    __slots__ = ("generation", "users", "unresolved", "readings")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    UNRESOLVED_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    users: _containers.RepeatedCompositeFieldContainer[UserRanking]
    unresolved: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    readings: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., users: _Optional[_Iterable[_Union[UserRanking, _Mapping]]] = ..., unresolved: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ..., readings: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ...) -> None: ...

class AudioClip(_message.Message):
    __slots__ = ("file", "name")
    FILE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    name: str
    def __init__(self, file: _Optional[bytes] = ..., name: _Optional[str] = ...) -> None: ...

class SpaceVector(_message.Message):
    __slots__ = ("space", "layer", "values")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    space: str
    layer: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, space: _Optional[str] = ..., layer: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class SimilarTracksRequest(_message.Message):
    __slots__ = ("track", "clip", "vector", "listening", "limit", "page_token", "exclude_same_artist", "max_per_artist", "filter", "allow_near_duplicates")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    LISTENING_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_SAME_ARTIST_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_ARTIST_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ALLOW_NEAR_DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    track: TrackRef
    clip: AudioClip
    vector: SpaceVector
    listening: Listening
    limit: int
    page_token: str
    exclude_same_artist: bool
    max_per_artist: int
    filter: TrackFilter
    allow_near_duplicates: bool
    def __init__(self, track: _Optional[_Union[TrackRef, _Mapping]] = ..., clip: _Optional[_Union[AudioClip, _Mapping]] = ..., vector: _Optional[_Union[SpaceVector, _Mapping]] = ..., listening: _Optional[_Union[Listening, _Mapping]] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ..., exclude_same_artist: _Optional[bool] = ..., max_per_artist: _Optional[int] = ..., filter: _Optional[_Union[TrackFilter, _Mapping]] = ..., allow_near_duplicates: _Optional[bool] = ...) -> None: ...

class ScoredTrack(_message.Message):
    __slots__ = ("track", "score", "cosine")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    COSINE_FIELD_NUMBER: _ClassVar[int]
    track: TrackSummary
    score: float
    cosine: float
    def __init__(self, track: _Optional[_Union[TrackSummary, _Mapping]] = ..., score: _Optional[float] = ..., cosine: _Optional[float] = ...) -> None: ...

class SimilarTracksResponse(_message.Message):
    __slots__ = ("generation", "tracks", "next_page_token", "not_indexed", "seed")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    tracks: _containers.RepeatedCompositeFieldContainer[ScoredTrack]
    next_page_token: str
    not_indexed: bool
    seed: TrackSummary
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., tracks: _Optional[_Iterable[_Union[ScoredTrack, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., not_indexed: _Optional[bool] = ..., seed: _Optional[_Union[TrackSummary, _Mapping]] = ...) -> None: ...

class MakePlaylistRequest(_message.Message):
    __slots__ = ("artists", "tracks", "first", "last", "listening", "limit", "max_per_artist", "filter")
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    LISTENING_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_ARTIST_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    artists: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    tracks: _containers.RepeatedCompositeFieldContainer[TrackRef]
    first: TrackRef
    last: TrackRef
    listening: Listening
    limit: int
    max_per_artist: int
    filter: TrackFilter
    def __init__(self, artists: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ..., tracks: _Optional[_Iterable[_Union[TrackRef, _Mapping]]] = ..., first: _Optional[_Union[TrackRef, _Mapping]] = ..., last: _Optional[_Union[TrackRef, _Mapping]] = ..., listening: _Optional[_Union[Listening, _Mapping]] = ..., limit: _Optional[int] = ..., max_per_artist: _Optional[int] = ..., filter: _Optional[_Union[TrackFilter, _Mapping]] = ...) -> None: ...

class MakePlaylistResponse(_message.Message):
    __slots__ = ("generation", "tracks", "not_indexed", "artists_not_indexed")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    tracks: _containers.RepeatedCompositeFieldContainer[ScoredTrack]
    not_indexed: _containers.RepeatedCompositeFieldContainer[TrackSummary]
    artists_not_indexed: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., tracks: _Optional[_Iterable[_Union[ScoredTrack, _Mapping]]] = ..., not_indexed: _Optional[_Iterable[_Union[TrackSummary, _Mapping]]] = ..., artists_not_indexed: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ...) -> None: ...

class SimilarArtistsToAudioRequest(_message.Message):
    __slots__ = ("options", "clip")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    options: SimilarArtistsRequest
    clip: AudioClip
    def __init__(self, options: _Optional[_Union[SimilarArtistsRequest, _Mapping]] = ..., clip: _Optional[_Union[AudioClip, _Mapping]] = ...) -> None: ...

class RejectedClip(_message.Message):
    __slots__ = ("place", "name", "reason", "detail")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    place: int
    name: str
    reason: str
    detail: str
    def __init__(self, place: _Optional[int] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class SimilarArtistsToAudioResponse(_message.Message):
    __slots__ = ("generation", "artists", "rejected", "evidence")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    artists: _containers.RepeatedCompositeFieldContainer[ScoredArtist]
    rejected: _containers.RepeatedCompositeFieldContainer[RejectedClip]
    evidence: Evidence
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., artists: _Optional[_Iterable[_Union[ScoredArtist, _Mapping]]] = ..., rejected: _Optional[_Iterable[_Union[RejectedClip, _Mapping]]] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ...) -> None: ...

class ResolveArtistsRequest(_message.Message):
    __slots__ = ("refs",)
    REFS_FIELD_NUMBER: _ClassVar[int]
    refs: _containers.RepeatedCompositeFieldContainer[ArtistRef]
    def __init__(self, refs: _Optional[_Iterable[_Union[ArtistRef, _Mapping]]] = ...) -> None: ...

class ResolvedArtist(_message.Message):
    __slots__ = ("ref", "resolution", "candidates", "not_indexed", "message", "read_as", "suggestions", "parts")
    REF_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    READ_AS_FIELD_NUMBER: _ClassVar[int]
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    ref: ArtistRef
    resolution: Resolution
    candidates: _containers.RepeatedCompositeFieldContainer[ArtistSummary]
    not_indexed: bool
    message: str
    read_as: str
    suggestions: _containers.RepeatedCompositeFieldContainer[Suggestion]
    parts: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    def __init__(self, ref: _Optional[_Union[ArtistRef, _Mapping]] = ..., resolution: _Optional[_Union[Resolution, str]] = ..., candidates: _Optional[_Iterable[_Union[ArtistSummary, _Mapping]]] = ..., not_indexed: _Optional[bool] = ..., message: _Optional[str] = ..., read_as: _Optional[str] = ..., suggestions: _Optional[_Iterable[_Union[Suggestion, _Mapping]]] = ..., parts: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ...) -> None: ...

class ResolveArtistsResponse(_message.Message):
    __slots__ = ("generation", "artists")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    artists: _containers.RepeatedCompositeFieldContainer[ResolvedArtist]
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., artists: _Optional[_Iterable[_Union[ResolvedArtist, _Mapping]]] = ...) -> None: ...

class Suggestion(_message.Message):
    __slots__ = ("artist", "track", "score", "why")
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    artist: ArtistSummary
    track: TrackSummary
    score: float
    why: str
    def __init__(self, artist: _Optional[_Union[ArtistSummary, _Mapping]] = ..., track: _Optional[_Union[TrackSummary, _Mapping]] = ..., score: _Optional[float] = ..., why: _Optional[str] = ...) -> None: ...

class Suggestions(_message.Message):
    __slots__ = ("suggestions",)
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    suggestions: _containers.RepeatedCompositeFieldContainer[Suggestion]
    def __init__(self, suggestions: _Optional[_Iterable[_Union[Suggestion, _Mapping]]] = ...) -> None: ...

class GetArtistRequest(_message.Message):
    __slots__ = ("artist",)
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    artist: ArtistRef
    def __init__(self, artist: _Optional[_Union[ArtistRef, _Mapping]] = ...) -> None: ...

class WeightedGenre(_message.Message):
    __slots__ = ("genre", "weight")
    GENRE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    genre: str
    weight: float
    def __init__(self, genre: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class GetArtistResponse(_message.Message):
    __slots__ = ("generation", "artist", "aliases", "external_ids", "genres", "tracks", "not_indexed", "signals", "evidence")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_IDS_FIELD_NUMBER: _ClassVar[int]
    GENRES_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    artist: ArtistSummary
    aliases: _containers.RepeatedScalarFieldContainer[str]
    external_ids: _containers.RepeatedCompositeFieldContainer[ExternalId]
    genres: _containers.RepeatedCompositeFieldContainer[WeightedGenre]
    tracks: _containers.RepeatedCompositeFieldContainer[TrackSummary]
    not_indexed: bool
    signals: _containers.RepeatedScalarFieldContainer[Signal]
    evidence: Evidence
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., artist: _Optional[_Union[ArtistSummary, _Mapping]] = ..., aliases: _Optional[_Iterable[str]] = ..., external_ids: _Optional[_Iterable[_Union[ExternalId, _Mapping]]] = ..., genres: _Optional[_Iterable[_Union[WeightedGenre, _Mapping]]] = ..., tracks: _Optional[_Iterable[_Union[TrackSummary, _Mapping]]] = ..., not_indexed: _Optional[bool] = ..., signals: _Optional[_Iterable[_Union[Signal, str]]] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ...) -> None: ...

class GetTrackRequest(_message.Message):
    __slots__ = ("track",)
    TRACK_FIELD_NUMBER: _ClassVar[int]
    track: TrackRef
    def __init__(self, track: _Optional[_Union[TrackRef, _Mapping]] = ...) -> None: ...

class GetTrackResponse(_message.Message):
    __slots__ = ("generation", "track", "not_indexed", "clips", "album_artist", "disc", "number", "year")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    NOT_INDEXED_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    ALBUM_ARTIST_FIELD_NUMBER: _ClassVar[int]
    DISC_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    track: TrackSummary
    not_indexed: bool
    clips: int
    album_artist: str
    disc: int
    number: int
    year: int
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., track: _Optional[_Union[TrackSummary, _Mapping]] = ..., not_indexed: _Optional[bool] = ..., clips: _Optional[int] = ..., album_artist: _Optional[str] = ..., disc: _Optional[int] = ..., number: _Optional[int] = ..., year: _Optional[int] = ...) -> None: ...

class ListAspectsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Aspect(_message.Message):
    __slots__ = ("name", "description", "layers", "evidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    layers: LayerMix
    evidence: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., layers: _Optional[_Union[LayerMix, _Mapping]] = ..., evidence: _Optional[str] = ...) -> None: ...

class ListAspectsResponse(_message.Message):
    __slots__ = ("generation", "aspects")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ASPECTS_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    aspects: _containers.RepeatedCompositeFieldContainer[Aspect]
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., aspects: _Optional[_Iterable[_Union[Aspect, _Mapping]]] = ...) -> None: ...

class GetIndexInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LayerInfo(_message.Message):
    __slots__ = ("name", "description", "default_weight", "calibration", "reference_artists", "calibration_note", "unmeasured_artists")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ARTISTS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_NOTE_FIELD_NUMBER: _ClassVar[int]
    UNMEASURED_ARTISTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    default_weight: float
    calibration: Calibration
    reference_artists: int
    calibration_note: str
    unmeasured_artists: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., default_weight: _Optional[float] = ..., calibration: _Optional[_Union[Calibration, str]] = ..., reference_artists: _Optional[int] = ..., calibration_note: _Optional[str] = ..., unmeasured_artists: _Optional[int] = ...) -> None: ...

class SignalInfo(_message.Message):
    __slots__ = ("signal", "artists")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    artists: int
    def __init__(self, signal: _Optional[_Union[Signal, str]] = ..., artists: _Optional[int] = ...) -> None: ...

class GetIndexInfoResponse(_message.Message):
    __slots__ = ("generation", "built_at", "encoder", "encoder_revision", "encoder_licence", "dim", "layers", "artists", "artists_indexed", "tracks", "tracks_indexed", "signals", "weight_profiles", "profile", "default_weight_profile", "candidates")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BUILT_AT_FIELD_NUMBER: _ClassVar[int]
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    ENCODER_REVISION_FIELD_NUMBER: _ClassVar[int]
    ENCODER_LICENCE_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    ARTISTS_INDEXED_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    TRACKS_INDEXED_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_PROFILES_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_WEIGHT_PROFILE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    built_at: str
    encoder: str
    encoder_revision: str
    encoder_licence: str
    dim: int
    layers: _containers.RepeatedCompositeFieldContainer[LayerInfo]
    artists: int
    artists_indexed: int
    tracks: int
    tracks_indexed: int
    signals: _containers.RepeatedCompositeFieldContainer[SignalInfo]
    weight_profiles: _containers.RepeatedScalarFieldContainer[str]
    profile: str
    default_weight_profile: str
    candidates: CandidatesInfo
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., built_at: _Optional[str] = ..., encoder: _Optional[str] = ..., encoder_revision: _Optional[str] = ..., encoder_licence: _Optional[str] = ..., dim: _Optional[int] = ..., layers: _Optional[_Iterable[_Union[LayerInfo, _Mapping]]] = ..., artists: _Optional[int] = ..., artists_indexed: _Optional[int] = ..., tracks: _Optional[int] = ..., tracks_indexed: _Optional[int] = ..., signals: _Optional[_Iterable[_Union[SignalInfo, _Mapping]]] = ..., weight_profiles: _Optional[_Iterable[str]] = ..., profile: _Optional[str] = ..., default_weight_profile: _Optional[str] = ..., candidates: _Optional[_Union[CandidatesInfo, _Mapping]] = ...) -> None: ...

class CandidatesInfo(_message.Message):
    __slots__ = ("first", "overlap_at_20", "measured_on", "nearest", "weight_profile", "note")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_AT_20_FIELD_NUMBER: _ClassVar[int]
    MEASURED_ON_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_PROFILE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    first: int
    overlap_at_20: float
    measured_on: int
    nearest: int
    weight_profile: str
    note: str
    def __init__(self, first: _Optional[int] = ..., overlap_at_20: _Optional[float] = ..., measured_on: _Optional[int] = ..., nearest: _Optional[int] = ..., weight_profile: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...
