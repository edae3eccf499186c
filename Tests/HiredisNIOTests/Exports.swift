// Part of socketio-server, MIT licence; see LICENSE.

// Clients and a proxy for tests, which FaultTests has as well: every file of these tests sees them.
@_exported public import RedisTesting
