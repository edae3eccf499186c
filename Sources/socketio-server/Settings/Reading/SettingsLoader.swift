// Part of socketio-server, MIT licence; see LICENSE.

internal import Configuration
internal import Foundation

/// Brings together defaults, file, environment and flags, each stronger than the one before it.
///
/// swift-configuration reads and ranks the values; the table says what they may be. Every layer is checked on its own, so
/// that a wrong value is also found where a stronger one hides it. What must hold between settings is checked although some
/// cannot be used, as far as it does not concern these, so that all problems come out at once.
struct SettingsLoader {
    /// The file named by `--config`; without it the variable `SOCKETIO_CONFIG` may name one, and there may be none.
    var configFile: String?
    /// Flags that the command line parser left over.
    var flags: [String] = []
    var environment: [String: String] = ProcessInfo.processInfo.environment

    static let fileVariable = "SOCKETIO_CONFIG"
    /// Where commands find a running node, and their token.
    static let urlVariable = "SOCKETIO_URL"
    static let tokenVariable = "SOCKETIO_TOKEN"
    /// Variables of commands and tests, which are no settings.
    static let otherVariables = [fileVariable, urlVariable, tokenVariable, modulesVariable]
    /// Where the tests, which start servers too, find the packages of Node's server.
    private static let modulesVariable = "SOCKETIO_NODE_MODULES"

    /// The file that is used, if any.
    var file: String? {
        configFile ?? environment[Self.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Reads everything.
    ///
    /// - Throws: `SettingsError` with every problem of every layer.
    func load() async throws -> LoadedSettings {
        let file = file.map(SettingsFile.init(path:))
        let flags = SettingFlags(flags)
        let flagReader = ConfigReader(provider: flagProvider(flags))
        let environmentReader = ConfigReader(provider: environmentProvider)

        var problems = file?.problems ?? []
        var sources = file?.positions ?? [:]
        problems += unknownVariables()
        problems += flags.problems
        for setting in SettingTable.all {
            let variable = SettingSource.environment(setting.environmentName)
            problems += check(setting, in: environmentReader, variable, &sources)
            if let flag = setting.flagName {
                problems += check(setting, in: flagReader, .flag(flag), &sources)
            }
        }
        let isReadable = file?.problems.contains { $0.key == nil } != true
        guard isReadable else { throw SettingsError(problems: problems) }
        let settings: Settings
        do {
            settings = try await merge(
                flags, file: file?.hasKeys == true ? self.file : nil, isComplete: problems.isEmpty)
        } catch {
            throw problems.isEmpty ? error : SettingsError(problems: problems)
        }
        let loaded = LoadedSettings(settings: settings, sources: sources, file: self.file)
        let unusable = problems.compactMap(\.key)
        problems += SettingsValidation(settings: settings, sources: sources).problems.filter {
            !$0.mayComeFrom(unusable)
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems, rest: loaded) }
        return loaded
    }

    /// The values that win, from one reader over all layers.
    /// - Parameter isComplete: whether all can be used; otherwise those that cannot are left out.
    private func merge(_ flags: SettingFlags, file: String?, isComplete: Bool) async throws -> Settings {
        var providers: [any ConfigProvider] = [flagProvider(flags), environmentProvider]
        if let file {
            let location = ConfigReader(provider: InMemoryProvider(values: ["filePath": .init(stringLiteral: file)]))
            providers.append(try await FileProvider<YAMLSnapshot>(config: location))
        }
        let reader = ConfigReader(providers: providers)
        var settings = Settings()
        for setting in SettingTable.all {
            guard let raw = raw(setting, in: reader) else { continue }
            do {
                setting.assign(try setting.parse(raw), &settings)
            } catch {
                if isComplete { throw error }
            }
        }
        return settings
    }

    private func flagProvider(_ flags: SettingFlags) -> CommandLineArgumentsProvider {
        CommandLineArgumentsProvider(arguments: ["socketio-server"] + flags.normalized)
    }

    private var environmentProvider: KeyMappingProvider<EnvironmentVariablesProvider> {
        let secrets = Set(SettingTable.all.filter(\.isSecret).map(\.environmentName))
        return EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: .specific(secrets))
            .prefixKeys(with: ConfigKey(["socketio"]))
    }

    private func check(
        _ setting: SettingDefinition, in reader: ConfigReader, _ source: SettingSource,
        _ sources: inout [String: SettingSource]
    ) -> [SettingProblem] {
        guard let raw = raw(setting, in: reader) else { return [] }
        sources[setting.key] = source
        do {
            _ = try setting.parse(raw)
            return []
        } catch {
            var message = error.message
            if case .scalar(let text) = raw, text.hasPrefix("tcp://") {
                message += "; Kubernetes sets this for a service called 'socketio': switch off 'enableServiceLinks'"
            }
            return [SettingProblem(source: source, key: setting.key, message: message)]
        }
    }

    /// A value as it was written, from the strongest layer that has it.
    private func raw(_ setting: SettingDefinition, in reader: ConfigReader) -> RawSetting? {
        let key = ConfigKey(setting.components)
        let text = { reader.string(forKey: key, isSecret: setting.isSecret) }
        let list = { reader.stringArray(forKey: key, isSecret: setting.isSecret) }
        if setting.takesMany {
            return list().map(RawSetting.list) ?? text().map { .list([$0]) }
        }
        // The flags' provider takes every value with a comma for a list, also where a text is wanted.
        return text().map(RawSetting.scalar) ?? list().map { .scalar($0.joined(separator: ",")) }
    }

    private func unknownVariables() -> [SettingProblem] {
        let known = SettingTable.byEnvironmentName
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix("SOCKETIO_"), known[name] == nil, !Self.otherVariables.contains(name),
                !Self.isServiceLink(name)
            else { return nil }
            let answer = NodeOptions.answer(for: String(name.dropFirst("SOCKETIO_".count))) { $0.environmentName }
            let hint = Suggestion.nearest(
                to: name, among: SettingTable.all.map(\.environmentName) + [Self.fileVariable]
            )
            .map { "; did you mean '\($0)'?" }
            return SettingProblem(
                source: .environment(name.escapingControlCharacters()), key: nil,
                message: answer ?? "no setting has this name" + (hint ?? ""))
        }
    }

    /// Kubernetes describes a service called `socketio` to every container in variables of these forms.
    private static func isServiceLink(_ name: String) -> Bool {
        if name.hasPrefix("SOCKETIO_SERVICE_") { return true }
        guard name.hasPrefix("SOCKETIO_PORT_"), let digit = name.dropFirst("SOCKETIO_PORT_".count).first else {
            return false
        }
        return digit.isNumber
    }
}

/// The settings that hold, and where each that is not a default was written.
struct LoadedSettings: Sendable {
    let settings: Settings
    let sources: [String: SettingSource]
    let file: String?

    /// Every setting with its value and source, secrets masked: what `check-config` prints.
    func listing() -> String {
        let lines = SettingTable.all.map { setting in
            (text: "\(setting.key): \(setting.shown(setting.read(settings)))", source: sources[setting.key])
        }
        let width = min(60, lines.map(\.text.count).max() ?? 0)
        return lines.map { line in
            guard let source = line.source else { return line.text }
            return line.text + String(repeating: " ", count: max(1, width - line.text.count + 2)) + "# \(source)"
        }.joined(separator: "\n")
    }
}
