"""`io.cloudevents.v1` for the protobuf library, which then writes what our own reader reads.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/cloudevents.proto
"""

from typing import Any

from google.protobuf import any_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Field = FieldDescriptorProto
PACKAGE = ".io.cloudevents.v1"
TEXTS = ("id", "source", "spec_version", "type")
VALUES = {
    "ce_boolean": Field.TYPE_BOOL,
    "ce_integer": Field.TYPE_INT32,
    "ce_string": Field.TYPE_STRING,
    "ce_bytes": Field.TYPE_BYTES,
    "ce_uri": Field.TYPE_STRING,
    "ce_uri_ref": Field.TYPE_STRING,
}


def _schema() -> FileDescriptorProto:
    file = FileDescriptorProto(name="cloudevents.proto", package=PACKAGE[1:], syntax="proto3")
    file.dependency.extend(["google/protobuf/any.proto", "google/protobuf/timestamp.proto"])
    event = file.message_type.add(name="CloudEvent")
    event.oneof_decl.add(name="data")
    for number, name in enumerate(TEXTS, start=1):
        _add(event, name, number, Field.TYPE_STRING)
    entry = f"{PACKAGE}.CloudEvent.AttributesEntry"
    _add(event, "attributes", 5, Field.TYPE_MESSAGE, entry, label=Field.LABEL_REPEATED)
    _add(event, "binary_data", 6, Field.TYPE_BYTES, oneof_index=0)
    _add(event, "text_data", 7, Field.TYPE_STRING, oneof_index=0)
    _add(event, "proto_data", 8, Field.TYPE_MESSAGE, ".google.protobuf.Any", oneof_index=0)
    value = event.nested_type.add(name="CloudEventAttributeValue")
    value.oneof_decl.add(name="attr")
    for number, (name, type) in enumerate(VALUES.items(), start=1):
        _add(value, name, number, type, oneof_index=0)
    moment = ".google.protobuf.Timestamp"
    _add(value, "ce_timestamp", 7, Field.TYPE_MESSAGE, moment, oneof_index=0)
    attributes = event.nested_type.add(name="AttributesEntry")
    attributes.options.map_entry = True
    _add(attributes, "key", 1, Field.TYPE_STRING)
    held = f"{PACKAGE}.CloudEvent.CloudEventAttributeValue"
    _add(attributes, "value", 2, Field.TYPE_MESSAGE, held)
    batch = file.message_type.add(name="CloudEventBatch")
    whole = f"{PACKAGE}.CloudEvent"
    _add(batch, "events", 1, Field.TYPE_MESSAGE, whole, label=Field.LABEL_REPEATED)
    return file


def _add(
    message: Any,
    name: str,
    number: int,
    type: Any,
    type_name: str | None = None,
    *,
    label: Any = Field.LABEL_OPTIONAL,
    **more: Any,
) -> None:
    message.field.add(name=name, number=number, type=type, type_name=type_name, label=label, **more)


_pool = DescriptorPool()
for _file in (any_pb2, timestamp_pb2):
    _pool.AddSerializedFile(_file.DESCRIPTOR.serialized_pb)
_pool.Add(_schema())

CloudEvent: Any = GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE[1:]}.CloudEvent"))
CloudEventBatch: Any = GetMessageClass(
    _pool.FindMessageTypeByName(f"{PACKAGE[1:]}.CloudEventBatch")
)
