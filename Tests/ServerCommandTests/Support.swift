// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

@testable internal import socketio_server

/// A file that is there as long as the value is used.
struct TemporaryFile: ~Copyable {
    let path: String

    init(_ contents: String, name: String = "settings.yaml") throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("socketio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appendingPathComponent(name)
        try Data(contents.utf8).write(to: file)
        path = file.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent)
    }
}

/// The folder with `Package.swift`.
let packageRoot: URL = {
    var folder = URL(fileURLWithPath: #filePath)
    while !FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path),
        folder.path != "/"
    {
        folder.deleteLastPathComponent()
    }
    return folder
}()

/// Loads settings from what the arguments say and nothing else of the machine.
func load(
    yaml: String? = nil, environment: [String: String] = [:], flags: [String] = []
) async throws -> LoadedSettings {
    guard let yaml else {
        return try await SettingsLoader(flags: flags, environment: environment).load()
    }
    let file = try TemporaryFile(yaml)
    return try await SettingsLoader(configFile: file.path, flags: flags, environment: environment).load()
}

/// The problems of settings that must not load, without the folder of the temporary file.
func problems(
    yaml: String? = nil, environment: [String: String] = [:], flags: [String] = []
) async throws -> [String] {
    do {
        _ = try await load(yaml: yaml, environment: environment, flags: flags)
        return []
    } catch let error as SettingsError {
        return error.problems.map { problem in
            let text = problem.description
            guard let name = text.range(of: "/settings.yaml:") else { return text }
            return String(text[text.index(after: name.lowerBound)...])
        }
    }
}
