// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import AsyncHTTPClient
internal import FailureText
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import SocketIOServer

/// Why a node did not do what a command asked for, with what helps.
struct RemoteFailure: Error, CustomStringConvertible {
    let description: String
}

/// A running node, as a command sees it: its HTTP API and its metrics.
struct RemoteNode: Sendable {
    /// Without a slash at the end.
    let url: String
    let token: String?
    let timeout: TimeAmount

    private static let longestAnswer = 64 << 20

    /// Does something with the node, and ends the process with 1 when that fails.
    func use<Result>(_ body: (Connected) async throws -> Result) async throws -> Result {
        let client = HTTPClient.strict()
        do {
            let result = try await body(Connected(node: self, client: client))
            try? await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            guard let failure = error as? RemoteFailure else { throw error }
            StandardError.write("\(failure)\n")
            throw ExitCode.failure
        }
    }

    /// The node and the connections to it.
    struct Connected: Sendable {
        fileprivate let node: RemoteNode
        fileprivate let client: HTTPClient

        /// Asks one of the questions of the HTTP API.
        func ask(_ question: APIQuestion, _ parameters: [(name: String, value: String)]) async throws -> SocketValue {
            let query = parameters.map { "\($0.name)=\(Self.encoded($0.value))" }.joined(separator: "&")
            let path = HTTPAPICore.path + question.rawValue + (query.isEmpty ? "" : "?" + query)
            return try value(of: try await send(HTTPClientRequest(url: node.url + path)))
        }

        /// Has the HTTP API carry out an operation.
        func carryOut(_ operation: APIOperation.Kind, _ body: SocketObject) async throws -> SocketValue {
            var request = HTTPClientRequest(url: node.url + HTTPAPICore.path + operation.rawValue)
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: try RawJSON(encoding: SocketValue.object(body)).json))
            return try value(of: try await send(request))
        }

        /// The page with the metrics.
        func metrics() async throws -> String {
            let (status, text) = try await send(HTTPClientRequest(url: node.url + "/metrics"))
            switch status.code {
            case 200: return text
            case 401:
                throw RemoteFailure(
                    description: "\(node.url) asks for operations.token: put it into the variable "
                        + "\(RemotePlace.tokenVariable), or name a file with --token-file")
            default:
                throw RemoteFailure(
                    description:
                        "\(node.url)/metrics answered \(status.code): the address must be that of the operations "
                        + "listener (operations.port)")
            }
        }

        private func send(_ request: HTTPClientRequest) async throws -> (status: HTTPResponseStatus, text: String) {
            var request = request
            request.headers.add(name: "User-Agent", value: "socketio-server/\(Version.current)")
            if let token = node.token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
            do {
                return try await client.exchange(request, within: node.timeout) { response in
                    let body = try await response.body.collect(upTo: RemoteNode.longestAnswer)
                    return (response.status, String(buffer: body))
                }
            } catch {
                throw RemoteFailure(
                    description: "\(node.url) could not be asked: \(Self.text(error)); --url or "
                        + "\(RemotePlace.urlVariable) says where the node is")
            }
        }

        private static func text(_ error: any Error) -> String {
            switch error {
            case is NIOTooManyBytesError: "its answer is too long"
            case is HTTPParserError: "it does not speak HTTP"
            case let error as HTTPClientError: text(error)
            default: failureText(error)
            }
        }

        private static func text(_ error: HTTPClientError) -> String {
            switch error {
            case .deadlineExceeded, .connectTimeout, .readTimeout: "there was no answer in time (--timeout-ms)"
            case .remoteConnectionClosed: "it closed the connection"
            default: error.shortDescription
            }
        }

        private func value(of answer: (status: HTTPResponseStatus, text: String)) throws -> SocketValue {
            let value = try? RawJSON(answer.text).value
            if answer.status == .ok, let value { return value }
            let said = (value?["error"]?["message"]?.string ?? "").escapingControlCharacters()
            switch answer.status.code {
            case 401:
                throw RemoteFailure(
                    description:
                        "\(node.url) does not accept the token: put the secret of one of api.tokens into the variable "
                        + "\(RemotePlace.tokenVariable), or name a file with --token-file")
            case 403:
                throw RemoteFailure(description: "\(node.url): \(said); give it the scope in api.tokens")
            case 404 where value?["error"] == nil:
                throw RemoteFailure(
                    description: "\(node.url) has no HTTP API: set api.tokens on the node and give the address of its "
                        + "operations listener, or set api.publicListener")
            default:
                throw RemoteFailure(
                    description: "\(node.url) answered \(answer.status.code)" + (said.isEmpty ? "" : ": \(said)"))
            }
        }

        private static func encoded(_ text: String) -> String {
            text.addingPercentEncoding(
                withAllowedCharacters: .alphanumerics.intersection(.init(charactersIn: "\u{0}"..."\u{7F}")))
                ?? ""
        }
    }
}
