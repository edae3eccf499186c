// Part of socketio-server, MIT licence; see LICENSE.

// Nodes over a Redis, which FaultTests has as well: every file of these tests sees them.
@_exported public import ClusterTesting
