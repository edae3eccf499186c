// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// CPU time and memory of a server on this machine, from `/proc`.
struct ServerProcess: Sendable {
    struct Sample: Equatable, Sendable {
        /// CPU time of all threads in nanoseconds, user and kernel.
        var cpu: UInt64
        /// Resident memory in bytes.
        var resident: UInt64
    }

    let pid: Int32

    var name: String {
        let command = SystemFile.text("/proc/\(pid)/cmdline") ?? ""
        let words = command.split(separator: "\0").prefix(2).map {
            $0.split(separator: "/").last.map(String.init) ?? ""
        }
        // For an interpreter the script tells more.
        return words.dropFirst().first.flatMap { $0.contains(".js") || $0.contains(".py") ? $0 : nil } ?? words.first
            ?? ""
    }

    /// Nil when the process has ended.
    func sample() -> Sample? {
        guard let resident, let cpu = cpu() else { return nil }
        return Sample(cpu: cpu, resident: resident)
    }

    /// Resident memory in bytes; nil when the process has ended.
    var resident: UInt64? {
        guard let statm = SystemFile.text("/proc/\(pid)/statm"),
            let pages = statm.split(separator: " ").dropFirst().first.flatMap({ UInt64($0) })
        else { return nil }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }

    private func cpu() -> UInt64? {
        guard let ticks = Self.ticks(stat: SystemFile.text("/proc/\(pid)/stat") ?? "") else { return nil }
        let coarse = ticks * 1_000_000_000 / UInt64(sysconf(Int32(_SC_CLK_TCK)))
        // The scheduler's count is exact but forgets threads that have ended.
        let threads = SystemFile.names("/proc/\(pid)/task").compactMap { thread in
            SystemFile.text("/proc/\(pid)/task/\(thread)/schedstat")?.split(separator: " ").first.flatMap { UInt64($0) }
        }
        let exact = threads.reduce(0, +)
        let tick: UInt64 = 50_000_000
        return exact + tick >= coarse ? exact : coarse
    }

    /// User and kernel ticks in the text of `/proc/PID/stat`; the name in it may contain anything.
    static func ticks(stat: String) -> UInt64? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else { return nil }
        return user + system
    }

    /// The processes that listen on a port of this machine, as far as this user may see them.
    static func listening(on port: UInt16) -> [ServerProcess] {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap(SystemFile.text)
        let sockets = Set(tables.flatMap { inodes(listeningOn: port, table: $0) }.map { "socket:[\($0)]" })
        guard !sockets.isEmpty else { return [] }
        let pids = SystemFile.names("/proc").compactMap { Int32($0) }.filter { pid in
            SystemFile.names("/proc/\(pid)/fd").contains { name in
                SystemFile.link("/proc/\(pid)/fd/\(name)").map(sockets.contains) ?? false
            }
        }
        return pids.sorted().map(ServerProcess.init)
    }

    /// Inodes of listening sockets in the text of `/proc/net/tcp`.
    static func inodes(listeningOn port: UInt16, table: String) -> [String] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A",
                let local = fields[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }), local == port
            else { return nil }
            return String(fields[9])
        }
    }
}
