// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// The conditions a run was made under.
enum Machine {
    static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    static var kernel: String {
        (SystemFile.text("/proc/sys/kernel/osrelease") ?? "unknown").split(separator: "\n").first.map(String.init) ?? ""
    }

    /// CPU time of this process in microseconds.
    struct Usage {
        var user: Double
        var kernel: Double
    }

    static var usage: Usage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func microseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e6 + Double(time.tv_usec) }
        return Usage(user: microseconds(usage.ru_utime), kernel: microseconds(usage.ru_stime))
    }

    /// Load average of the last minute.
    static var load: String {
        SystemFile.text("/proc/loadavg")?.split(separator: " ").first.map(String.init) ?? "unknown"
    }
}

/// Descriptors: two for a client on long-polling, three during an upgrade.
enum FileLimit {
    private static let reserve: UInt64 = 64

    static func raise(for plan: LoadPlan) throws(LoadFailure) {
        let wanted = plan.parts.reduce(reserve) { sum, part in
            let each: UInt64 =
                switch part.transport {
                case .websocket: 1
                case .polling: 2
                case .upgrade: part.work == .connect ? 3 : 2
                }
            return sum + UInt64(part.connections) * each
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        guard limit.rlim_cur < wanted else { return }
        guard limit.rlim_max >= wanted else {
            throw LoadFailure(
                "--connections \(plan.connections) needs \(wanted) open files, the limit is \(limit.rlim_max); raise it"
                    + " (ulimit -n) or take fewer")
        }
        limit.rlim_cur = rlim_t(wanted)
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    }
}

/// Finds the processes to measure.
enum ServerChoice {
    static func servers(of plan: LoadPlan, _ addresses: [SocketAddress]) throws(LoadFailure) -> [ServerProcess] {
        switch plan.processes {
        case .none: return []
        case .listed(let pids):
            for pid in pids where ServerProcess(pid: pid).sample() == nil {
                throw LoadFailure("--pid \(pid): there is no such process")
            }
            return pids.map(ServerProcess.init)
        case .automatic:
            var found: Set<Int32> = []
            for (target, address) in zip(plan.targets, addresses) where address.isLoopback {
                found.formUnion(ServerProcess.listening(on: target.port).map(\.pid))
            }
            return found.sorted().map(ServerProcess.init)
        }
    }
}
