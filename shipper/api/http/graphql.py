"""The operations as GraphQL, within bounds of depth and cost."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLResolveInfo,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from graphql.validation import recommended_rules, specified_rules
from msgspec import Struct, ValidationError, convert

from shipper.api.http.graphql_schema import TIME, WHOLE, definitions
from shipper.api.operations import OPERATIONS
from shipper.api.requests import MEMBERS
from shipper.catalog import Catalog
from shipper.errors import ShipperError
from shipper.yaml.reader import nearest

_log = logging.getLogger("shipper.api.graphql")

#: Of a document, before it is read any further.
_MAX_TOKENS = 1_000
_MAX_ERRORS = 20
#: Operations in one request.
_MAX_OPERATIONS = 10
#: Fields below each other; the usual introspection has 15.
_MAX_DEPTH = 16
#: The sum over all operations: the events that it may answer with, times the fields of each.
_MAX_COST = 200_000
_DEFAULT_LIMIT, _MAX_LIMIT = 100, 10_000
#: One introspection lists every type, so each of its fields is repeated that often.
_INTROSPECTION = 500
_MEMBERS = ("query", "variables", "operationName")

Fragments = Mapping[str, FragmentDefinitionNode]
#: Carries out an operation with its arguments.
Resolve = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class Invalid(ShipperError):
    """The request is not carried out; the errors are in the form of GraphQL."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [error.formatted for error in errors]


class Failed(ShipperError):
    """An operation failed, for a reason that the client may see."""

    def __init__(self, error: str, status: int) -> None:
        super().__init__(error)
        #: Becomes a part of the error in the answer.
        self.extensions = {"status": status}


class Asked(Struct, frozen=True):
    """A valid request, and the operations and introspections that it asks for."""

    document: DocumentNode
    operation: str | None
    variables: Mapping[str, Any]
    names: Sequence[str]

    @property
    def is_introspection(self) -> bool:
        """Whether it asks for the schema."""
        return any(name in {"__schema", "__type"} for name in self.names)


class _Request(Struct, frozen=True, rename="camel"):
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class GraphQL:
    """The schema of a catalog, and answers to requests."""

    def __init__(self, catalog: Catalog) -> None:
        self._schema = build_schema(definitions(catalog))

    def asked(self, body: Mapping[str, Any]) -> Asked:
        """The checked request; raises `Invalid`."""
        query, variables, name = _members(body)
        try:
            document = parse(query, max_tokens=_MAX_TOKENS)
        except (GraphQLError, RecursionError) as error:
            raise _invalid(error) from error
        rules = [*specified_rules, *recommended_rules]
        if errors := validate(self._schema, document, rules, max_errors=_MAX_ERRORS):
            raise Invalid(errors)
        operation = get_operation_ast(document, name)
        if operation is None:
            raise Invalid([GraphQLError("operationName: expected the name of an operation")])
        fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        return Asked(document, name, variables, [*_bounded(operation, fragments, variables)])

    def answer(self, asked: Asked, resolve: Resolve) -> Mapping[str, Any]:
        """Carry out the operations one after the other; what fails has an error."""
        result = execute_sync(
            self._schema,
            asked.document,
            context_value=resolve,
            variable_values=dict(asked.variables),
            operation_name=asked.operation,
            field_resolver=_field,
        )
        return result.formatted


def _members(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str | None]:
    for name in body:
        if name not in _MEMBERS:
            raise Invalid([GraphQLError(f"{name}: unknown member{nearest(name, _MEMBERS)}")])
    try:
        found = convert(body, _Request)
    except ValidationError as error:
        raise Invalid([GraphQLError(str(error))]) from error
    return found.query, found.variables or {}, found.operation_name


def _invalid(error: Exception) -> Invalid:
    known = error if isinstance(error, GraphQLError) else GraphQLError("query: too deep")
    return Invalid([known])


def _bounded(
    operation: OperationDefinitionNode, fragments: Fragments, variables: Mapping[str, Any]
) -> Iterator[str]:
    """The names of the operations; raises `Invalid` if they are too many or cost too much."""
    cost = 0
    roots = _roots(operation.selection_set, fragments)
    for at, root in enumerate(roots):
        if at == _MAX_OPERATIONS:
            raise _over("operations in a request", _MAX_OPERATIONS)
        cost += _cost(root, fragments, variables)
        if cost > _MAX_COST:
            raise _over("limit times fields, over all operations,", _MAX_COST)
        yield root.name.value


def _cost(root: FieldNode, fragments: Fragments, variables: Mapping[str, Any]) -> int:
    limit = _limit_of(root, variables)
    if root.selection_set is None:
        return limit
    # A fragment in a fragment multiplies the fields, so they are counted no further than needed.
    depths = islice(_depths(root.selection_set, fragments, 2), _MAX_COST // limit + 1)
    fields = 1
    for depth in depths:
        fields += 1
        if depth > _MAX_DEPTH:
            raise _over("the depth", _MAX_DEPTH)
    return limit * fields


def _limit_of(root: FieldNode, variables: Mapping[str, Any]) -> int:
    """How many events an operation may answer with."""
    if root.name.value.startswith("__"):
        return _INTROSPECTION
    if "limit" not in MEMBERS[root.name.value]:
        return 1
    given = next((one.value for one in root.arguments or () if one.name.value == "limit"), None)
    if isinstance(given, IntValueNode):
        return min(max(int(given.value[:10]), 1), _MAX_LIMIT)
    if isinstance(given, VariableNode):
        value = variables.get(given.name.value)
        return min(max(value, 1), _MAX_LIMIT) if isinstance(value, int) else _MAX_LIMIT
    return _DEFAULT_LIMIT if given is None or isinstance(given, NullValueNode) else _MAX_LIMIT


def _roots(selected: SelectionSetNode, fragments: Fragments) -> Iterator[FieldNode]:
    for node in selected.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _roots(fragments[node.name.value].selection_set, fragments)
        else:
            yield from _roots(node.selection_set, fragments)  # type: ignore[attr-defined]


def _depths(selected: SelectionSetNode, fragments: Fragments, depth: int) -> Iterator[int]:
    """The depth of each field, one for each time that it is selected."""
    for node in _roots(selected, fragments):
        yield depth
        if node.selection_set:
            yield from _depths(node.selection_set, fragments, depth + 1)


def _over(what: str, most: int) -> Invalid:
    return Invalid([GraphQLError(f"{what} may be {most} at most")])


def _field(source: Any, info: GraphQLResolveInfo[Resolve], **given: Any) -> Any:
    """A field of an answer, or the answer to an operation."""
    name = info.field_name
    if name in OPERATIONS and info.path.prev is None:
        return _operation(info.context, name, given)
    if not isinstance(source, Mapping):
        return None
    if info.parent_type.name == "Event" and name in {TIME, WHOLE}:
        return source.get("@timestamp") if name == TIME else source
    return source.get(name)


def _operation(resolve: Resolve, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return resolve(name, given)
    except Failed:
        raise
    except Exception as error:
        _log.exception("The operation %s failed.", name)
        raise Failed("internal error; see the log of mcp-shipper", 500) from error
