// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc

/// What every Prometheus client tells of its process, under the usual names. What cannot be found out is left out.
enum ProcessMetrics {
    static var families: [MetricFamily] {
        var families: [MetricFamily] = []
        func add(_ name: String, _ kind: MetricFamily.Kind, _ value: Double?) {
            if let value { families.append(MetricFamily(name, kind, value)) }
        }
        let times = Times()
        add("process_cpu_seconds_total", .counter, times?.cpu)
        add("process_start_time_seconds", .gauge, times?.start)
        add("process_resident_memory_bytes", .gauge, residentBytes)
        add("process_open_fds", .gauge, openDescriptors)
        add("process_max_fds", .gauge, descriptorLimit)
        return families
    }

    /// From `/proc/self/stat`, in seconds.
    private struct Times {
        let cpu: Double
        /// Since 1970.
        let start: Double

        init?() {
            guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
                // The name of the program, in parentheses, may hold anything.
                let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 19,
                let user = Double(fields[11]), let system = Double(fields[12]), let sinceBoot = Double(fields[19]),
                let boot = Times.boot
            else { return nil }
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            cpu = (user + system) / ticks
            start = boot + sinceBoot / ticks
        }

        private static let boot: Double? = {
            let stat = try? String(contentsOfFile: "/proc/stat", encoding: .utf8)
            let line = stat?.split(separator: "\n").first { $0.hasPrefix("btime ") }
            return line.flatMap { Double($0.dropFirst("btime ".count)) }
        }()
    }

    static var residentBytes: Double? {
        guard let statm = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = statm.split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static var openDescriptors: Double? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count) }
    }

    private static var descriptorLimit: Double? {
        let limits = try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        let line = limits?.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        return line?.split(separator: " ").dropFirst(3).first.flatMap { Double($0) }
    }
}
