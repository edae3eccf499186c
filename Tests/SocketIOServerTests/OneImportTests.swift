// Part of socketio-server, MIT licence; see LICENSE.

// Nothing else: the package is built with MemberImportVisibility, so this file does not compile if an application needs more.
import SocketIOServer
import Testing

@Suite struct OneImportTests {
    @Test("an application imports one module")
    func application() async throws {
        var configuration = ServerConfiguration()
        configuration.connectTimeout = .seconds(10)
        configuration.engine.pingInterval = .milliseconds(25_000)
        configuration.logger.logLevel = .critical
        configuration.engine.logger = configuration.logger
        let io = Server(configuration: configuration)
        io.onRequest { request in
            guard request.method == .GET else { return .text("", status: .methodNotAllowed) }
            return .text(request.headers.first(name: "host") ?? "", status: .ok)
        }
        io.onConnection { socket in
            socket.on("agent") { () -> String in socket.handshake.headers.first(name: "user-agent") ?? "" }
            socket.on("bytes") { (data: SocketData) -> Int in data.buffer.readableBytes }
            socket.on("loop") { () -> Bool in socket.eventLoop.inEventLoop }
        }
        let port = try await io.listen()?.port
        #expect(port != nil)
        await io.close()
    }

    @Test("every setting of server and engine, with durations of one type")
    func configuration() throws {
        var configuration = ServerConfiguration()
        let server: [WritableKeyPath<ServerConfiguration, Duration>] = [
            \.connectTimeout, \.handlerGrace, \.broadcastAcknowledgementTimeout, \.engine.pingInterval,
            \.engine.pingTimeout, \.engine.upgradeTimeout, \.engine.destroyUpgradeTimeout, \.engine.headTimeout,
            \.engine.bodyTimeout, \.engine.keepAliveTimeout, \.engine.sendTimeout, \.engine.slowClientTimeout,
        ]
        for setting in server { configuration[keyPath: setting] = .seconds(7) }
        configuration.acknowledgementTimeout = .seconds(7)
        configuration.slowHandlerWarning = nil
        configuration.engine.cookie = CookieConfiguration(maxAge: .seconds(3_600))
        configuration.engine.cors = CORSConfiguration(origin: .list(["https://a.example"]), maxAge: .seconds(60))
        configuration.engine.headers = { headers, handshake in
            headers.replaceOrAdd(name: "x-agent", value: handshake.headers.first(name: "user-agent") ?? "")
        }
        configuration.engine.initialPacket = .text(ByteBuffer(string: "hello"))
        configuration.engine.allowRequest = { info in info.remoteAddress.isEmpty ? .refuse("no address") : .allow }
        configuration.rates.session.eventsPerSecond = 100
        configuration.errorAcknowledgement = { error in .string("\(error)") }
        try configuration.validate()
        // Only the types: there is no certificate here.
        func encrypt(_ engine: inout EngineConfiguration, certificate: String, key: String) throws {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
            let source = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            engine.tls = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: source)
            engine.tls?.minimumTLSVersion = .tlsv12
        }
        #expect(throws: (any Error).self) { try encrypt(&configuration.engine, certificate: "/none", key: "/none") }
    }

    /// What a third party writes: an adapter, and a receiver of acknowledgements, with no other import.
    private final class Journal: AdapterSPI.ForwardingAdapter {
        let base: any Adapter
        let waits: AsyncStream<Duration>.Continuation

        init(_ base: any Adapter, _ waits: AsyncStream<Duration>.Continuation) {
            self.base = base
            self.waits = waits
        }

        func broadcastWithAck(
            _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
        ) {
            waits.yield(receiver.timeout)
            waits.yield(options.flags.timeout ?? .zero)
            base.broadcastWithAck(packet, options: options, receiver: receiver)
        }

        func serverSideEmitWithAck(
            _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
        ) async throws -> [EventArguments] {
            waits.yield(timeout)
            waits.yield(QueryOptions.current.timeout(else: .seconds(9)))
            return try await base.serverSideEmitWithAck(packet, timeout: timeout)
        }
    }

    @Test("an adapter imports one module, too, and every time it is told is a Duration")
    func adapter() async throws {
        let (waits, told) = AsyncStream.makeStream(of: Duration.self)
        var configuration = ServerConfiguration()
        configuration.adapter = { context in Journal(context.local, told) }
        let io = Server(configuration: configuration)
        _ = try await io.timeout(.milliseconds(20)).emitWithAnswers("ask")
        _ = try await io.serverSideEmitWithAck("ask", as: Int.self, timeout: .milliseconds(30))
        await io.close()
        told.finish()
        var times: [Duration] = []
        for await time in waits { times.append(time) }
        #expect(times == [.milliseconds(20), .milliseconds(20), .milliseconds(30), .seconds(9)])
        #expect(BroadcastFlags(timeout: .seconds(3)).timeout == .seconds(3))
    }

    @Test(
        "times no clock can hold are as good as none",
        arguments: [Duration.seconds(Int64.max), .seconds(9_223_372_036.9)])
    func centuries(time: Duration) async throws {
        let io = Server(configuration: ServerConfiguration())
        #expect(try await io.local.timeout(time).emitWithAnswers("ask").isComplete)
        #expect(try await io.serverSideEmitWithAck("ask", as: Int.self, timeout: time).isEmpty)
        let drain = Task { await io.drain(over: time) }
        await drain.value
        await io.close()
    }

    @Test("absurd durations are refused, and never end the process")
    func absurd() async {
        for seconds in [Int64.min, -1, 0, .max] {
            var configuration = ServerConfiguration()
            configuration.engine.pingInterval = .seconds(seconds)
            configuration.engine.slowClientTimeout = .seconds(seconds)
            #expect(throws: EngineConfigurationError.self) { try configuration.engine.validate() }
            configuration.connectTimeout = .seconds(seconds)
            configuration.handlerGrace = .seconds(seconds)
            configuration.acknowledgementTimeout = .seconds(seconds)
            // A server is made before its configuration is checked.
            await Server(configuration: configuration).close()
        }
    }
}
