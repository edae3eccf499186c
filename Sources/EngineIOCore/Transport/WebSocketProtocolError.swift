// Part of socketio-server, MIT licence; see LICENSE.

/// What a WebSocket client did wrong; the connection is closed with `closeCode` (RFC 6455, section 7.4.1).
package enum WebSocketProtocolError: Error, Equatable, Sendable {
    case unmaskedFrame
    case reservedBits
    case reservedOpcode(UInt8)
    case fragmentedControlFrame
    case controlFrameTooLong
    /// A continuation frame without a message to continue.
    case unexpectedContinuation
    /// A new message inside a fragmented one.
    case expectedContinuation
    /// A close frame with one byte of payload.
    case invalidClosePayload
    case invalidCloseCode(UInt16)
    case invalidUTF8
    /// A message of `permessage-deflate` that cannot be unpacked.
    case invalidCompressedData
    case messageTooLarge(limit: Int)
    case tooManyFragments(limit: Int)
    case tooManyControlFrames(limit: Int)

    /// The code for the close frame that answers it.
    package var closeCode: UInt16 {
        switch self {
        case .invalidUTF8, .invalidCompressedData: 1007
        case .messageTooLarge: 1009
        case .tooManyFragments, .tooManyControlFrames: 1008
        default: 1002
        }
    }
}

extension WebSocketProtocolError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unmaskedFrame: "frame without a mask"
        case .reservedBits: "reserved bits are set"
        case .reservedOpcode(let opcode): "reserved opcode \(opcode)"
        case .fragmentedControlFrame: "fragmented control frame"
        case .controlFrameTooLong: "control frame of more than 125 bytes"
        case .unexpectedContinuation: "continuation without a message"
        case .expectedContinuation: "new message inside a fragmented one"
        case .invalidClosePayload: "close frame with half a code"
        case .invalidCloseCode(let code): "invalid close code \(code)"
        case .invalidUTF8: "invalid UTF-8"
        case .invalidCompressedData: "invalid compressed data"
        case .messageTooLarge(let limit): "message of more than \(limit) bytes (maxHttpBufferSize)"
        case .tooManyFragments(let limit): "message of more than \(limit) fragments (maxFragmentsPerMessage)"
        case .tooManyControlFrames(let limit):
            "more than \(limit) control frames in a second (maxControlFramesPerSecond)"
        }
    }
}
