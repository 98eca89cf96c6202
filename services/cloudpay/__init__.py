"""The Cloud Pay HTTPS API: what tills, SDKs and terminals built for the old product speak.

One call goes: `envelope` (the outer JSON) -> `callers` (whose key) -> `authen` (the code) ->
`dispatch` (members, idempotency, the method's function) -> `envelope` again. `table` has every
method; the functions behind it call the same services as the pay page and the console do.
"""
