"""A client that knows nothing but server reflection lists the service and calls it."""

from __future__ import annotations

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.server.conftest import Served


def test_reflection_lists_the_services(made: Served) -> None:
    services = ProtoReflectionDescriptorDatabase(made.channel).get_services()
    assert sorted(services) == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "soundkin.v1.SimilarityService",
    ]


def test_a_method_found_by_reflection_can_be_called(made: Served) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(made.channel))
    service = pool.FindServiceByName("soundkin.v1.SimilarityService")
    assert len(service.methods) == 11
    method = service.methods_by_name["SimilarArtists"]
    asked, answered = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = made.channel.unary_unary(
        f"/{service.full_name}/{method.name}",
        request_serializer=asked.SerializeToString,
        response_deserializer=answered.FromString,
    )
    request = asked()
    request.seeds.add().name = "ay"  # type: ignore[attr-defined]  # made from the descriptor
    reply = call(request)
    assert [scored.artist.name for scored in reply.artists] == ["Bee", "Cé"]
