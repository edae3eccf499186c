// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import FailureText
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// `healthcheck`: asks the server on this machine how it is, for containers that have no `curl`.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask the server on this machine whether it is alive.",
        discussion: """
            Where it listens comes from the settings, so give the same file and environment as the server has. The
            operations listener is asked when there is one, else the public one.

            Examples:
              socketio-server healthcheck
              socketio-server healthcheck --config /etc/socketio/socketio.yaml --ready

            Exit codes: 0 it answered 200, 1 it answered something else or not in time, 64 wrong usage,
            78 wrong settings, or settings that leave nothing to ask.
            """)

    @Flag(help: "Ask whether new clients are welcome (/readyz) instead of whether it is alive (/healthz).")
    var ready = false

    @Option(help: ArgumentHelp("How long the answer may take, in milliseconds.", valueName: "ms"))
    var timeoutMs = 3_000

    @OptionGroup var options: SettingsOptions

    func validate() throws {
        if timeoutMs < 1 || timeoutMs > 3_600_000 { throw ValidationError("--timeout-ms must be 1 to 3600000.") }
    }

    func run() async throws {
        let settings = try await options.load().settings
        guard let place = HealthEndpoint(settings, ready: ready) else {
            StandardError.write(
                "nothing to ask: set operations.port, which is best, or a port and \(ready ? "health.readyPath" : "health.path") "
                    + "without proxyProtocol\n")
            throw ExitCode.wrongSettings
        }
        do {
            let status = try await place.ask(timeout: .milliseconds(Int64(timeoutMs)))
            print("\(place.host):\(place.port)\(place.path) answered \(status)")
            if status != 200 { throw ExitCode.failure }
        } catch let end as ExitCode {
            throw end
        } catch {
            StandardError.write("\(place.host):\(place.port)\(place.path) gave no answer: \(Self.words(error))\n")
            throw ExitCode.failure
        }
    }

    /// What an operator is told of a connection that failed.
    static func words(_ error: any Error) -> String {
        // Any certificate will do here.
        error is NIOSSLError || error is BoringSSLError ? "it does not speak TLS" : failureText(error)
    }
}

/// Where a server with certain settings answers how it is.
struct HealthEndpoint: Sendable, Equatable {
    let host: String
    let port: Int
    let path: String
    let isTLS: Bool

    /// Nil when it answers nowhere, or at a port that the settings do not tell.
    init?(_ settings: Settings, ready: Bool) {
        if let port = settings.operations.port {
            guard port > 0 else { return nil }
            (host, self.port) = (Self.reachable(settings.operations.host), port)
            (path, isTLS) = (ready ? "/readyz" : "/healthz", false)
        } else {
            // A listener that waits for PROXY headers is for balancers only.
            guard settings.port > 0, !settings.proxyProtocol,
                let path = ready ? settings.health.readyPath : settings.health.path
            else { return nil }
            (host, port) = (Self.reachable(settings.host), settings.port)
            (self.path, isTLS) = (path, settings.tls.certificateFile != nil)
        }
    }

    /// What listens on every address is asked on loopback.
    static func reachable(_ host: String) -> String {
        if ["*", "0.0.0.0", "::", "[::]"].contains(host) { return "127.0.0.1" }
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// The status of the answer.
    func ask(timeout: TimeAmount) async throws -> Int {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: Int.self)
        let context = isTLS ? try NIOSSLContext(configuration: Self.anyCertificate) : nil
        let question = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            try NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        StatusReader(question: question, timeout: timeout, answer: answer))
                }
            }
            .connect(host: host, port: port).cascadeFailure(to: answer)
        return try await answer.futureResult.get()
    }

    /// The certificate is for the name that clients use, not for loopback.
    private static var anyCertificate: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        return configuration
    }
}

/// Asks, and reads the first line of the answer.
private final class StatusReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct NoAnswer: Error, CustomStringConvertible {
        let description: String
    }

    private let question: String
    private let timeout: TimeAmount
    private let answer: EventLoopPromise<Int>
    private var line = ""

    init(question: String, timeout: TimeAmount, answer: EventLoopPromise<Int>) {
        (self.question, self.timeout, self.answer) = (question, timeout, answer)
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: question)), promise: nil)
        let answer = answer
        context.eventLoop.scheduleTask(in: timeout) { answer.fail(NoAnswer(description: "it took too long")) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        line += bytes.readString(length: bytes.readableBytes) ?? ""
        guard line.utf8.count >= "HTTP/1.1 200".utf8.count else { return }
        let words = line.prefix(64).split(separator: " ", maxSplits: 2)
        if words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1].prefix(3)) {
            answer.succeed(status)
        } else {
            answer.fail(NoAnswer(description: "it does not speak HTTP"))
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(NoAnswer(description: "it closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }
}
