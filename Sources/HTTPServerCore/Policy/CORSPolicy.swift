// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
package import NIOHTTP1

/// The decisions of ``CORSConfiguration`` for one request, as the `cors` package makes them (protocol 1.12).
package struct CORSPolicy: Sendable {
    /// What to do with a request.
    package struct Outcome {
        /// Headers of the response, whichever component sends it.
        package var headers: HTTPHeaders = [:]
        /// The status of a preflight that is answered here.
        package var preflightStatus: Int?
        /// Whether `enforce` refuses the request.
        package var isForbidden = false
    }

    /// The text of a refusal. It names the setting, for people who have not configured it yet.
    package static let refusal = "Forbidden: cors.origin does not allow this origin"

    private let configuration: CORSConfiguration

    /// Nil when the configuration requires nothing for any request.
    package init?(_ configuration: CORSConfiguration?) {
        guard let configuration else { return nil }
        if case .disabled = configuration.origin { return nil }
        self.configuration = configuration
    }

    package func evaluate(_ request: HTTPServerRequest) -> Outcome {
        var outcome = Outcome()
        if case .sameHost = configuration.origin {
            outcome.isForbidden = configuration.enforce && !isOfSameHost(request)
            return outcome
        }
        var vary: [String] = []
        let origin = request.headers.first(name: "origin")
        let isAllowed = addOrigin(origin, to: &outcome.headers, vary: &vary)
        let isPreflight = request.method == .OPTIONS
        var rest: HTTPHeaders = [:]
        if configuration.credentials { rest.add(name: "Access-Control-Allow-Credentials", value: "true") }
        if isPreflight {
            rest.add(name: "Access-Control-Allow-Methods", value: configuration.methods.joined(separator: ","))
            addAllowedHeaders(request, to: &rest, vary: &vary)
            if let maxAge = configuration.maxAge {
                rest.add(name: "Access-Control-Max-Age", value: String(maxAge.components.seconds))
            }
            if !configuration.preflightContinue { outcome.preflightStatus = configuration.optionsSuccessStatus }
        }
        if !configuration.exposedHeaders.isEmpty {
            rest.add(name: "Access-Control-Expose-Headers", value: configuration.exposedHeaders.joined(separator: ","))
        }
        if !vary.isEmpty { outcome.headers.add(name: "Vary", value: vary.joined(separator: ", ")) }
        outcome.headers.add(contentsOf: rest)
        // A request without `Origin` does not come from a page. Other programs can send any origin, so refusing it
        // would protect nobody.
        outcome.isForbidden = configuration.enforce && origin != nil && !isAllowed
        return outcome
    }

    private func addOrigin(_ origin: String?, to headers: inout HTTPHeaders, vary: inout [String]) -> Bool {
        let name = "Access-Control-Allow-Origin"
        switch configuration.origin {
        case .any:
            headers.add(name: name, value: "*")
            return true
        case .exactly(let allowed):
            headers.add(name: name, value: allowed)
            vary.append("Origin")
            return origin?.hasSameBytes(as: allowed) ?? false
        case .list, .matching, .reflect:
            vary.append("Origin")
            guard let origin, reflects(origin) else { return false }
            headers.add(name: name, value: origin)
            return true
        case .sameHost, .disabled:
            return true
        }
    }

    /// Whether the request has no `Origin`, or one with the host and port that the request names.
    private func isOfSameHost(_ request: HTTPServerRequest) -> Bool {
        // The node that received the request from the client has checked it already, and knows which host its proxies
        // report.
        guard request.traits.hasOrigin, !request.isForwarded else { return true }
        guard let origin = request.headers.first(name: "origin").flatMap(Authority.init(origin:)) else { return false }
        return request.authority == origin
    }

    private func reflects(_ origin: String) -> Bool {
        switch configuration.origin {
        case .list(let origins): origins.hasBytes(of: origin)
        case .matching(let matches): matches(origin)
        case .reflect: true
        case .sameHost, .any, .exactly, .disabled: false
        }
    }

    private func addAllowedHeaders(_ request: HTTPServerRequest, to headers: inout HTTPHeaders, vary: inout [String]) {
        let name = "Access-Control-Allow-Headers"
        if let allowed = configuration.allowedHeaders {
            if !allowed.isEmpty { headers.add(name: name, value: allowed.joined(separator: ",")) }
            return
        }
        vary.append("Access-Control-Request-Headers")
        let wanted = request.headers["access-control-request-headers"].joined(separator: ", ")
        if !wanted.isEmpty { headers.add(name: name, value: wanted) }
    }
}
