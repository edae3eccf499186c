// Part of socketio-server, MIT licence; see LICENSE.

// What HTTP lends to the API of this module: applications, origins, reasons why nothing can listen.
@_exported public import HTTPServerCore
// How the layers above log what peers can cause.
@_exported public import PeerLogging
// The forwarding of requests to other nodes: its configuration, and the directory of nodes.
@_exported public import RequestForwarding

// Types of others that stand in the public API: a file that imports this module, or `SocketIOServer`, can use their members.
@_exported public import struct Logging.Logger
@_exported public import struct NIOCore.ByteBuffer
@_exported public import protocol NIOCore.EventLoop
@_exported public import protocol NIOCore.EventLoopGroup
@_exported public import enum NIOCore.SocketAddress
@_exported public import struct NIOHTTP1.HTTPHeaders
@_exported public import enum NIOHTTP1.HTTPMethod
@_exported public import enum NIOHTTP1.HTTPResponseStatus
@_exported public import class NIOSSL.NIOSSLCertificate
@_exported public import enum NIOSSL.NIOSSLCertificateSource
@_exported public import class NIOSSL.NIOSSLPrivateKey
@_exported public import enum NIOSSL.NIOSSLPrivateKeySource
@_exported public import enum NIOSSL.NIOSSLSerializationFormats
@_exported public import struct NIOSSL.TLSConfiguration
@_exported public import enum NIOSSL.TLSVersion
