// Part of socketio-server, MIT licence; see LICENSE.

/// All figures of one run, as `--json` prints them. Times are seconds, latencies microseconds, memory bytes.
struct LoadReport: Codable, Sendable {
    struct Part: Codable, Sendable {
        var name: String
        var work: LoadPart.Work
        var transport: LoadTransport
        var connections: Int
        var rooms: Int
        var inFlight: Int
        var requestedRate: Double?
        var payloadSize: Int
        var counts: PartCounts
        /// Deliveries, echoes or connects in a second of the measured time.
        var rate: Double
        /// Messages sent in a second of the measured time.
        var sentRate: Double
        var latency: LatencySummary?
        /// How late messages left, against the plan of a fixed rate.
        var sendLag: LatencySummary?
    }

    struct ServerFigures: Codable, Sendable {
        var pid: Int32
        var name: String
        /// In the measured time.
        var cpuSeconds: Double
        /// Cores in use, on average.
        var cores: Double
        /// CPU microseconds for one delivery of all parts; all targets' processes share the deliveries.
        var cpuPerDelivery: Double?
        var residentBefore: UInt64
        var residentAfter: UInt64
        var residentPeak: UInt64
    }

    struct Generator: Codable, Sendable {
        var threads: Int
        var cpuSeconds: Double
        var cpuPerDelivery: Double?
        /// Part of it that is not the kernel's.
        var userPerDelivery: Double?
        /// Share of the measured time in which the busiest thread was at work.
        var busiest: Double
    }

    struct Conditions: Codable, Sendable {
        var processors: Int
        var kernel: String
        var loadBefore: String
        var loadAfter: String
    }

    var mode: String
    var targets: [String]
    var seconds: Double
    var warmUpSeconds: Double
    /// Resident memory by which all servers grew for one connection, without the first tenth of them; `idle` only.
    var residentPerConnection: Double?
    /// Time to connect all clients.
    var connectSeconds: Double
    var parts: [Part]
    var servers: [ServerFigures]
    var generator: Generator
    var conditions: Conditions
    /// What to know before the figures are believed.
    var warnings: [String]
    /// What a correct server never causes; empty when everything was delivered.
    var faults: [String]

    /// CPU time of all measured servers for one delivery, in microseconds.
    var cpuPerDelivery: Double? {
        let figures = servers.compactMap(\.cpuPerDelivery)
        return figures.isEmpty ? nil : figures.reduce(0, +)
    }

    var residentAfter: Double? {
        servers.isEmpty ? nil : servers.reduce(0) { $0 + Double($1.residentAfter) }
    }
}
