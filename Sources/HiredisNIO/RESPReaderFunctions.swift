// Part of socketio-server, MIT licence; see LICENSE.

internal import CHiredis

/// The table of functions hiredis calls for each item. Objects are never used through their pointers, which only say
/// "made" (non-nil) or "refused".
enum RESPReaderFunctions {
    nonisolated(unsafe) static let table: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let table = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        table.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, start, count in
                    guard let task, let start else { return nil }
                    return with(task) { $0.addString(task, start, count) }
                },
                createArray: { task, count in
                    guard let task else { return nil }
                    return with(task) { $0.addArray(task, Int(count)) }
                },
                createInteger: { task, value in
                    guard let task else { return nil }
                    return with(task) { $0.addInteger(Int64(value)) }
                },
                createNil: { task in
                    guard let task else { return nil }
                    return with(task) { $0.addNull() }
                },
                freeObject: { _ in }))
        return table
    }()

    private static var made: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

    private static func with(_ task: UnsafePointer<redisReadTask>, _ body: (RESPReader) -> Bool)
        -> UnsafeMutableRawPointer?
    {
        guard let owner = task.pointee.privdata else { return nil }
        return Unmanaged<RESPReader>.fromOpaque(owner)._withUnsafeGuaranteedRef(body) ? made : nil
    }
}
