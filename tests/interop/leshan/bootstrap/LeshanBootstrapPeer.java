// SPDX-License-Identifier: Apache-2.0
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;

import org.eclipse.leshan.core.SecurityMode;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.SimpleDownlinkRequest;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionListener;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServer;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coap.CoapBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coaps.CoapsBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.security.BootstrapSecurityStoreAdapter;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

/**
 * Leshan's bootstrap server with a line protocol (Console) in place of a web page.
 *
 * <pre>
 * psk ENDPOINT IDENTITY HEXKEY                             the endpoint may bootstrap with this key
 * account ENDPOINT URI SSID IDENTITY HEXKEY LIFETIME-SECONDS  what it is given: one management account
 * </pre>
 */
public final class LeshanBootstrapPeer {
    private final InMemorySecurityStore securities = new InMemorySecurityStore();
    private final InMemoryBootstrapConfigStore plans = new InMemoryBootstrapConfigStore();
    private final LeshanBootstrapServer server;

    private LeshanBootstrapPeer() {
        var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        var endpoints = new CaliforniumBootstrapServerEndpointsProvider.Builder(
                new CoapBootstrapServerProtocolProvider(), new CoapsBootstrapServerProtocolProvider())
                        .addEndpoint(loopback, Protocol.COAP).addEndpoint(loopback, Protocol.COAPS);
        server = new LeshanBootstrapServerBuilder().setConfigStore(plans)
                .setSecurityStore(new BootstrapSecurityStoreAdapter(securities))
                .setEndpointsProviders(endpoints.build()).build();
        server.addListener(new Sessions());
    }

    public static void main(String[] arguments) throws Exception {
        var peer = new LeshanBootstrapPeer();
        peer.server.start();
        Console.event("ready coap=%s coaps=%s", peer.server.getEndpoint(Protocol.COAP).getURI(),
                peer.server.getEndpoint(Protocol.COAPS).getURI());
        Console.serve(peer::run);
        System.exit(0);
    }

    private String run(String[] words) throws Exception {
        switch (words[0]) {
        case "psk":
            securities.add(SecurityInfo.newPreSharedKeyInfo(words[1], words[2], Console.hex(words[3])));
            return "OK";
        case "account":
            plans.add(words[1], plan(words[2], Integer.parseInt(words[3]), words[4], words[5],
                    Integer.parseInt(words[6])));
            return "OK";
        default:
            return "ERROR no command " + words[0];
        }
    }

    private static BootstrapConfig plan(String uri, int shortServerId, String identity, String key, int lifetime) {
        var security = new BootstrapConfig.ServerSecurity();
        security.uri = uri;
        security.serverId = shortServerId;
        security.securityMode = SecurityMode.PSK;
        security.publicKeyOrId = identity.getBytes(StandardCharsets.UTF_8);
        security.secretKey = Console.hex(key);

        var account = new BootstrapConfig.ServerConfig();
        account.shortId = shortServerId;
        account.lifetime = lifetime;
        account.binding = EnumSet.of(BindingMode.U);

        var plan = new BootstrapConfig();
        plan.autoIdForSecurityObject = true; // discovers first, and writes beside the bootstrap account
        plan.toDelete.add("/0");
        plan.toDelete.add("/1");
        plan.security.put(0, security);
        plan.servers.put(0, account);
        return plan;
    }

    private static final class Sessions implements BootstrapSessionListener {
        @Override
        public void sessionInitiated(BootstrapRequest request, LwM2mPeer client) {
            Console.event("requested %s", request.getEndpointName());
        }

        @Override
        public void unAuthorized(BootstrapRequest request, LwM2mPeer client) {
            Console.event("unauthorized %s", request.getEndpointName());
        }

        @Override
        public void authorized(BootstrapSession session) {
            Console.event("authorized %s", session.getEndpoint());
        }

        @Override
        public void noConfig(BootstrapSession session) {
            Console.event("no-plan %s", session.getEndpoint());
        }

        @Override
        public void sendRequest(BootstrapSession session,
                BootstrapDownlinkRequest<? extends LwM2mResponse> request) {
            Console.event("sent %s %s", session.getEndpoint(), describe(request));
        }

        @Override
        public void onResponseSuccess(BootstrapSession session,
                BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse response) {
            Console.event("answered %s %s %s", session.getEndpoint(), describe(request), response.getCode());
        }

        @Override
        public void onResponseError(BootstrapSession session,
                BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse response) {
            Console.event("refused %s %s %s %s", session.getEndpoint(), describe(request), response.getCode(),
                    response.getErrorMessage());
        }

        @Override
        public void onRequestFailure(BootstrapSession session,
                BootstrapDownlinkRequest<? extends LwM2mResponse> request, Throwable cause) {
            Console.event("lost %s %s %s", session.getEndpoint(), describe(request), cause);
        }

        @Override
        public void end(BootstrapSession session) {
            Console.event("finished %s", session.getEndpoint());
        }

        @Override
        public void failed(BootstrapSession session, BootstrapFailureCause cause) {
            Console.event("bootstrap-failed %s %s", session.getEndpoint(), cause);
        }

        /** What was sent, without the secrets that a Write carries. */
        private static String describe(BootstrapDownlinkRequest<? extends LwM2mResponse> request) {
            String name = request.getClass().getSimpleName().replace("Request", "");
            return request instanceof SimpleDownlinkRequest ? name + " " + ((SimpleDownlinkRequest<?>) request).getPath()
                    : name;
        }
    }
}
