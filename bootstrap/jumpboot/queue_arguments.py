# SPDX-License-Identifier: MIT
"""From what stands in a message to the arguments of a method, as JSONQueueServer has them."""
import inspect

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _is_required(parameter):
    return parameter.default is parameter.empty


def _named(signature, data):
    """An object gives parameters by name. Names that there are no parameters for are left out, unless
    one takes them all."""
    args, kwargs, rest = [], {}, dict(data)
    is_missing = False  # one without which those behind it have no place
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            is_missing = is_missing or (name not in rest and _is_required(parameter))
            if not is_missing:
                args.append(rest.pop(name, parameter.default))
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs.update(rest)
        elif parameter.kind is not parameter.VAR_POSITIONAL and name in rest:
            kwargs[name] = rest.pop(name)
    return args, kwargs


def _takes_several(signature):
    parameters = signature.parameters.values()
    return (sum(parameter.kind in _POSITIONAL for parameter in parameters) > 1
            or any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters))


def _takes_any(signature):
    return any(parameter.kind in _POSITIONAL for parameter in signature.parameters.values())


def _needs_any(signature):
    return any(parameter.kind in _POSITIONAL and _is_required(parameter)
               for parameter in signature.parameters.values())


def arrange(signature, data, are_positional):
    """The positional and the keyword arguments. are_positional: they stand in an array, one by one.

    Else an array is spread if the method takes more than one argument; if not it is the first one,
    as is everything but an object.
    """
    if are_positional:
        return data, {}
    if isinstance(data, dict):
        return ([], data) if signature is None else _named(signature, data)
    if isinstance(data, list) and (signature is None or _takes_several(signature)):
        return data, {}
    if signature is not None and (
            (data is None and not _needs_any(signature))
            or (data == [] and not _takes_any(signature))):
        return [], {}
    return [data], {}
