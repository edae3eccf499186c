// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// A length of time on the command line: `500ms`, `10s`, `2m`; a bare number is seconds.
struct DurationArgument: ExpressibleByArgument, Equatable {
    /// At most one day.
    let nanoseconds: UInt64
    let defaultValueDescription: String

    init?(argument: String) {
        let units: [(suffix: String, factor: Double)] = [
            ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("", 1e9),
        ]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
            let value = Double(argument.dropLast(unit.suffix.count)), value.isFinite, value >= 0,
            value * unit.factor <= 86_400e9
        else { return nil }
        nanoseconds = UInt64(value * unit.factor)
        defaultValueDescription = argument
    }

    private init(_ nanoseconds: UInt64, _ description: String) {
        self.nanoseconds = nanoseconds
        defaultValueDescription = description
    }

    static func seconds(_ seconds: UInt64) -> DurationArgument {
        DurationArgument(seconds * 1_000_000_000, "\(seconds)s")
    }

    static func milliseconds(_ milliseconds: UInt64) -> DurationArgument {
        DurationArgument(milliseconds * 1_000_000, "\(milliseconds)ms")
    }
}

/// `auto`, `none` or a process id.
enum ProcessArgument: ExpressibleByArgument, Equatable {
    case auto
    case none
    case pid(Int32)

    init?(argument: String) {
        switch argument {
        case "auto": self = .auto
        case "none": self = .none
        default:
            guard let pid = Int32(argument), pid > 0 else { return nil }
            self = .pid(pid)
        }
    }
}

extension LoadTransport: ExpressibleByArgument {}
