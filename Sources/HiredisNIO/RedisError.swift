// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText

/// Why something with Redis did not work. Texts never contain passwords.
public struct RedisError: Error, Sendable, CustomStringConvertible {
    /// What kind of error; more may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The name of the code, as it stands in logs.
        public let description: String

        /// A wrong URL or setting; the message names the part.
        public static let configuration = Code(description: "configuration")
        /// No connection could be made: refused, unreachable, unknown host, timed out.
        public static let connect = Code(description: "connect")
        /// TLS could not be agreed on: unknown CA, wrong host name, missing client certificate.
        public static let tls = Code(description: "tls")
        /// The server refused the user or password, or wants one (`NOAUTH`, `WRONGPASS`).
        public static let authentication = Code(description: "authentication")
        /// The user lacks a right (`NOPERM`); the message names the command and the right.
        public static let permission = Code(description: "permission")
        /// Any other error reply of the server.
        public static let server = Code(description: "server")
        /// The server is not ready to serve: loading its data set, or a replica without its primary.
        public static let loading = Code(description: "loading")
        /// No reply in time. Whether the command ran is unknown.
        public static let timeout = Code(description: "timeout")
        /// There is no connection now; nothing was sent.
        public static let notConnected = Code(description: "notConnected")
        /// The connection was lost before the command left this process; it did not run.
        public static let notSent = Code(description: "notSent")
        /// The connection was lost before the reply came. Whether the command ran is unknown.
        public static let connectionLost = Code(description: "connectionLost")
        /// Too much is waiting to be written or answered; nothing was sent.
        public static let overloaded = Code(description: "overloaded")
        /// The reply was over ``RESPLimits`` and has been thrown away. If it was far over them, the connection has ended.
        public static let replyTooLarge = Code(description: "replyTooLarge")
        /// The server sent something that is no RESP2 or answers nothing that was asked.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// Another server of the Redis Cluster is responsible (`MOVED`, `ASK`).
        public static let redirected = Code(description: "redirected")
        /// The server is a replica (`READONLY`, or its role is not `master`).
        public static let notPrimary = Code(description: "notPrimary")
        /// No sentinel could be reached, or none knows the name of the primary.
        public static let sentinel = Code(description: "sentinel")
        /// The client was closed by its owner.
        public static let closed = Code(description: "closed")
    }

    /// What kind of error.
    public var code: Code
    /// What happened, for people.
    public var message: String
    /// The error below, if there is one.
    public var cause: (any Error)?
    /// With code `redirected`: where to.
    package var redirection: RedisRedirection?

    /// Makes an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Code and message; the cause's text when there is one.
    public var description: String {
        guard let cause else { return "Redis \(code): \(message)" }
        return "Redis \(code): \(message) (\(failureText(cause)))"
    }
}

extension RedisError {
    /// The error for an error reply to a command. `command` is its name with what it acts on, never a secret.
    package init(reply text: String, to command: String) {
        let kind = text.prefix { $0 != " " }
        switch kind {
        case "NOPERM":
            self.init(.permission, "\(command): \(text)")
        case "NOAUTH", "WRONGPASS":
            self.init(.authentication, "\(command): \(text)")
        case "LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN":
            self.init(.loading, "\(command): \(text)")
        case "MOVED", "ASK":
            self.init(.redirected, "\(command): \(text)")
            redirection = RedisRedirection(text)
        case "READONLY":
            self.init(.notPrimary, "\(command): \(text)")
        default:
            self.init(.server, "\(command): \(text)")
        }
    }

    package static let closedByOwner = RedisError(.closed, "the Redis client was closed")
}
