// Part of socketio-server, MIT licence; see LICENSE.

// Applications import this module alone: values, reasons and configuration types of the lower layers belong to its API.
@_exported public import EngineIOCore
@_exported public import EngineIOServer
@_exported public import SocketIOCore
