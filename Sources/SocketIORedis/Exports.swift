// Part of socketio-server, MIT licence; see LICENSE.

// The types of a cluster over anything belong to the API of one over Redis.
@_exported public import SocketIOCluster
