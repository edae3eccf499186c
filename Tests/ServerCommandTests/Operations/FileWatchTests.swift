// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

@testable internal import socketio_server

@Suite struct FileWatchTests {
    @Test func aChangeIsToldOnceWhenItIsAtRest() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("watch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (one, two, link) = ("one", "two", "link")
        let path = { (name: String) in folder.appendingPathComponent(name).path }
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        try write("a", one)
        try write("b", two)
        try FileManager.default.createSymbolicLink(atPath: path(link), withDestinationPath: path(one))
        let files = [path(one), path(link), path("none")]
        var watch = FileWatch(files)
        #expect(!watch.look(at: files) && !watch.look(at: files))
        // Still being written at the first look, at rest at the second.
        try write("ab", one)
        let told = (watch.look(at: files), watch.look(at: files), watch.look(at: files))
        #expect(told == (false, true, false))
        // A link that points elsewhere, as containers do it.
        try FileManager.default.removeItem(atPath: path(link))
        try FileManager.default.createSymbolicLink(atPath: path(link), withDestinationPath: path(two))
        #expect((watch.look(at: files), watch.look(at: files)) == (false, true))
        // A file that comes, and one that goes.
        try write("c", "none")
        #expect((watch.look(at: files), watch.look(at: files)) == (false, true))
        try FileManager.default.removeItem(atPath: path(one))
        #expect((watch.look(at: files), watch.look(at: files), watch.look(at: files)) == (false, true, false))
        // Another list of files is no change.
        #expect((watch.look(at: [path(two)]), watch.look(at: [path(two)])) == (false, false))
        try write("bb", two)
        #expect((watch.look(at: [path(two)]), watch.look(at: [path(two)])) == (false, true))
    }
}
