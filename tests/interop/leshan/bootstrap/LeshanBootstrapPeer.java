// SPDX-License-Identifier: Apache-2.0
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.concurrent.TimeUnit;

import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.leshan.core.CertificateUsage;
import org.eclipse.leshan.core.SecurityMode;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.BootstrapWriteRequest;
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
 * <p>Arguments: its private key (PKCS#8), its certificate, and the authority of devices, each a DER file. It repeats
 * what is not acknowledged twice, after one and two seconds, and gives Connection IDs to whoever offers them.
 *
 * <pre>
 * psk ENDPOINT IDENTITY HEXKEY      the endpoint may bootstrap with this key
 * rpk ENDPOINT HEXKEY               ... with this public key (SubjectPublicKeyInfo)
 * x509 ENDPOINT                     ... with a certificate of the authority, with the endpoint as CN
 * account ENDPOINT URI SSID LIFETIME-SECONDS MODE ...   what it is given: one management account, MODE being one of
 *     psk IDENTITY HEXKEY
 *     rpk PUBLIC-KEY PRIVATE-KEY SERVER-PUBLIC-KEY            DER files
 *     x509 CERTIFICATE PRIVATE-KEY SERVER-CERTIFICATE USAGE   DER files, and /0/x/15
 *     nosec
 * unpaired ENDPOINT                 an account whose parts do not belong together: the Server instance has the next id
 * </pre>
 */
public final class LeshanBootstrapPeer {
    private final InMemorySecurityStore securities = new InMemorySecurityStore();
    private final InMemoryBootstrapConfigStore plans = new InMemoryBootstrapConfigStore();
    private final LeshanBootstrapServer server;

    private LeshanBootstrapPeer(String[] files) throws Exception {
        var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        var endpoints = new CaliforniumBootstrapServerEndpointsProvider.Builder(
                new CoapBootstrapServerProtocolProvider(), new CoapsBootstrapServerProtocolProvider())
                        .setConfiguration(configuration -> configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, 6)
                                .set(CoapConfig.ACK_TIMEOUT, 1, TimeUnit.SECONDS).set(CoapConfig.MAX_RETRANSMIT, 2))
                        .addEndpoint(loopback, Protocol.COAP).addEndpoint(loopback, Protocol.COAPS);
        server = new LeshanBootstrapServerBuilder().setConfigStore(plans)
                .setPrivateKey(Keys.privateKey(files[0]))
                .setCertificateChain(new X509Certificate[] { Keys.certificate(files[1]) })
                .setTrustedCertificates(new X509Certificate[] { Keys.certificate(files[2]) })
                .setSecurityStore(new BootstrapSecurityStoreAdapter(securities))
                .setEndpointsProviders(endpoints.build()).build();
        server.addListener(new Sessions());
    }

    public static void main(String[] arguments) throws Exception {
        var peer = new LeshanBootstrapPeer(arguments);
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
        case "rpk":
            securities.add(SecurityInfo.newRawPublicKeyInfo(words[1], Keys.publicKey(Console.hex(words[2]))));
            return "OK";
        case "x509":
            securities.add(SecurityInfo.newX509CertInfo(words[1]));
            return "OK";
        case "account":
            plans.add(words[1], plan(security(words), Integer.parseInt(words[4])));
            return "OK";
        case "unpaired":
            plans.getAll().get(words[1]).servers.get(0).shortId++;
            return "OK";
        default:
            return "ERROR no command " + words[0];
        }
    }

    private static BootstrapConfig.ServerSecurity security(String[] words) throws Exception {
        var security = new BootstrapConfig.ServerSecurity();
        security.uri = words[2];
        security.serverId = Integer.parseInt(words[3]);
        String[] key = Arrays.copyOfRange(words, 6, words.length);
        switch (words[5]) {
        case "psk":
            security.securityMode = SecurityMode.PSK;
            security.publicKeyOrId = key[0].getBytes(StandardCharsets.UTF_8);
            security.secretKey = Console.hex(key[1]);
            break;
        case "rpk":
        case "x509":
            security.securityMode = words[5].equals("rpk") ? SecurityMode.RPK : SecurityMode.X509;
            security.publicKeyOrId = Keys.bytes(key[0]);
            security.secretKey = Keys.bytes(key[1]);
            security.serverPublicKey = Keys.bytes(key[2]);
            if (words[5].equals("x509"))
                security.certificateUsage = CertificateUsage.fromCode(Integer.parseInt(key[3]));
            break;
        case "nosec":
            security.securityMode = SecurityMode.NO_SEC;
            break;
        default:
            throw new IllegalArgumentException("no mode " + words[5]);
        }
        return security;
    }

    private static BootstrapConfig plan(BootstrapConfig.ServerSecurity security, int lifetime) {
        var account = new BootstrapConfig.ServerConfig();
        account.shortId = security.serverId;
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
            if (request instanceof BootstrapWriteRequest)
                return name + " " + ((BootstrapWriteRequest) request).getPath() + " format="
                        + ((BootstrapWriteRequest) request).getContentFormat().getCode();
            if (request instanceof SimpleDownlinkRequest)
                return name + " " + ((SimpleDownlinkRequest<?>) request).getPath();
            return name;
        }
    }
}
