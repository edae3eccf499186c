// Part of socketio-server, MIT licence; see LICENSE.

/// The types for authors of an ``Adapter``. They are in a namespace of their own, so that applications do not come across them.
/// `docs/adapters.md` tells how to write one.
///
/// Most adapters for several servers need less: a `ClusterTransport` (of `SocketIOCluster`) brings bytes from one server to the
/// others, and everything else is there.
public enum AdapterSPI {}

// The names that this package uses for them.
package typealias AdapterContext = AdapterSPI.Context
package typealias BroadcastPacket = AdapterSPI.BroadcastPacket
package typealias BroadcastAckReceiver = AdapterSPI.AckReceiver
