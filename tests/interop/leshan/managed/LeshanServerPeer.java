// SPDX-License-Identifier: Apache-2.0
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;

import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.CancelObservationRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.CreateRequest;
import org.eclipse.leshan.core.request.DeleteRequest;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.response.DiscoverResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;
import org.eclipse.leshan.servers.security.SecurityInfo;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coaps.CoapsServerProtocolProvider;

import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Leshan's server with a line protocol (Console) in place of a web page.
 *
 * <p>Arguments: its private key (PKCS#8), its certificate, and the authority of devices, each a DER file. It gives
 * Connection IDs to whoever offers them.
 *
 * <pre>
 * psk ENDPOINT IDENTITY HEXKEY         the endpoint may come with this key
 * rpk ENDPOINT HEXKEY                  ... with this public key (SubjectPublicKeyInfo)
 * x509 ENDPOINT                        ... with a certificate of the authority, with the endpoint as CN
 * forget ENDPOINT                      it may not come any more; its session ends
 * read ENDPOINT PATH [FORMAT]          CODE {"path": "value", ...}
 * discover ENDPOINT PATH               CODE {} </path>,...
 * write ENDPOINT PATH VALUE [FORMAT]   CODE {}
 * create ENDPOINT OBJECT               CODE {}: an instance with resource 5750 = "made by Leshan"
 * delete ENDPOINT PATH                 CODE {}
 * execute ENDPOINT PATH                CODE {}
 * observe ENDPOINT PATH [FORMAT]       CODE {...}, then EVENT notified ENDPOINT PATH {...}
 * cancel ENDPOINT PATH                 CODE {...}
 * </pre>
 *
 * <p>FORMAT is the number of a content format. A VALUE of digits is an integer, any other a text. With the property
 * {@code peer.cid} = off it gives no Connection IDs.
 */
public final class LeshanServerPeer {
    private static final long ANSWER_TIMEOUT_MS = 10_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final InMemorySecurityStore securities = new InMemorySecurityStore();
    private final LeshanServer server;

    private LeshanServerPeer(String[] files) throws Exception {
        var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        var endpoints = new CaliforniumServerEndpointsProvider.Builder(new CoapServerProtocolProvider(),
                new CoapsServerProtocolProvider())
                        .setConfiguration(configuration -> configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH,
                                "off".equals(System.getProperty("peer.cid")) ? -1 : 6))
                        .addEndpoint(loopback, Protocol.COAP).addEndpoint(loopback, Protocol.COAPS);
        server = new LeshanServerBuilder().setSecurityStore(securities).setEndpointsProviders(endpoints.build())
                .setPrivateKey(Keys.privateKey(files[0]))
                .setCertificateChain(new X509Certificate[] { Keys.certificate(files[1]) })
                .setTrustedCertificates(new X509Certificate[] { Keys.certificate(files[2]) }).build();
        server.getRegistrationService().addListener(new Registrations());
        server.getObservationService().addListener(new Observations());
    }

    public static void main(String[] arguments) throws Exception {
        var peer = new LeshanServerPeer(arguments);
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
        case "forget":
            securities.remove(words[1], true);
            return "OK";
        case "read":
            return send(words[1], new ReadRequest(format(words, 3), words[2]));
        case "discover":
            return send(words[1], new DiscoverRequest(words[2]));
        case "write":
            return send(words[1], write(new LwM2mPath(words[2]), words[3], format(words, 4)));
        case "create":
            return send(words[1], new CreateRequest(Integer.parseInt(words[2]),
                    LwM2mSingleResource.newStringResource(5750, "made by Leshan")));
        case "delete":
            return send(words[1], new DeleteRequest(words[2]));
        case "execute":
            return send(words[1], new ExecuteRequest(words[2]));
        case "observe":
            return send(words[1], new ObserveRequest(format(words, 3), words[2]));
        case "cancel":
            return send(words[1], new CancelObservationRequest(observation(words[1], words[2])));
        default:
            return "ERROR no command " + words[0];
        }
    }

    private static ContentFormat format(String[] words, int place) {
        return words.length > place ? ContentFormat.fromCode(Integer.parseInt(words[place])) : null;
    }

    private static WriteRequest write(LwM2mPath path, String value, ContentFormat format) {
        int object = path.getObjectId();
        int instance = path.getObjectInstanceId();
        int resource = path.getResourceId();
        if (value.chars().allMatch(Character::isDigit))
            return new WriteRequest(format, object, instance, resource, Long.parseLong(value));
        return new WriteRequest(format, object, instance, resource, value);
    }

    private SingleObservation observation(String endpoint, String path) {
        Registration registration = server.getRegistrationService().getByEndpoint(endpoint);
        for (Observation observation : server.getObservationService().getObservations(registration)) {
            if (observation instanceof SingleObservation
                    && ((SingleObservation) observation).getPath().toString().equals(path))
                return (SingleObservation) observation;
        }
        throw new IllegalArgumentException("not observed: " + path);
    }

    private <T extends LwM2mResponse> String send(String endpoint, DownlinkDeviceManagementRequest<T> request)
            throws Exception {
        Registration registration = server.getRegistrationService().getByEndpoint(endpoint);
        if (registration == null)
            return "ERROR not registered: " + endpoint;
        T response = server.send(registration, request, ANSWER_TIMEOUT_MS);
        if (response == null)
            return "ERROR no answer from " + endpoint;
        LwM2mNode content = response instanceof ReadResponse ? ((ReadResponse) response).getContent() : null;
        String path = request instanceof ReadRequest ? ((ReadRequest) request).getPath().toString()
                : request instanceof ObserveRequest ? ((ObserveRequest) request).getPath().toString() : "";
        String reason = response.getErrorMessage() == null ? "" : " " + response.getErrorMessage();
        String links = response instanceof DiscoverResponse && response.isSuccess()
                ? " " + Arrays.toString(((DiscoverResponse) response).getObjectLinks()) : "";
        return response.getCode().getCode() + " " + JSON.writeValueAsString(leaves(path, content)) + links + reason;
    }

    /** Every value below a node, by its path. */
    private static Map<String, String> leaves(String path, LwM2mNode node) {
        var found = new TreeMap<String, String>();
        collect(path, node, found);
        return found;
    }

    private static void collect(String path, LwM2mNode node, Map<String, String> found) {
        if (node instanceof LwM2mObject) {
            ((LwM2mObject) node).getInstances().forEach((id, child) -> collect(path + "/" + id, child, found));
        } else if (node instanceof LwM2mObjectInstance) {
            ((LwM2mObjectInstance) node).getResources().forEach((id, child) -> collect(path + "/" + id, child, found));
        } else if (node instanceof LwM2mResource && ((LwM2mResource) node).isMultiInstances()) {
            ((LwM2mResource) node).getInstances().forEach((id, child) -> collect(path + "/" + id, child, found));
        } else if (node instanceof LwM2mResource) {
            found.put(path, String.valueOf(((LwM2mResource) node).getValue()));
        } else if (node instanceof LwM2mResourceInstance) {
            found.put(path, String.valueOf(((LwM2mResourceInstance) node).getValue()));
        }
    }

    private static final class Registrations implements RegistrationListener {
        @Override
        public void registered(Registration registration, Registration previous, Collection<Observation> cancelled) {
            Console.event("registered %s lwm2m=%s lifetime=%d", registration.getEndpoint(),
                    registration.getLwM2mVersion(), registration.getLifeTimeInSec());
        }

        @Override
        public void updated(RegistrationUpdate update, Registration registration, Registration previous) {
            Console.event("updated %s lifetime=%d links=%s", registration.getEndpoint(),
                    registration.getLifeTimeInSec(), Arrays.toString(registration.getSortedObjectLinks()));
        }

        @Override
        public void unregistered(Registration registration, Collection<Observation> observations, boolean expired,
                Registration next) {
            Console.event("unregistered %s expired=%b", registration.getEndpoint(), expired);
        }
    }

    private static final class Observations implements ObservationListener {
        @Override
        public void newObservation(Observation observation, Registration registration) {
            Console.event("observing %s", registration.getEndpoint());
        }

        @Override
        public void cancelled(Observation observation) {
            Console.event("cancelled");
        }

        @Override
        public void onResponse(SingleObservation observation, Registration registration, ObserveResponse response) {
            try {
                String path = observation.getPath().toString();
                Console.event("notified %s %s %s", registration.getEndpoint(), path,
                        JSON.writeValueAsString(leaves(path, response.getContent())));
            } catch (Exception failure) {
                Console.event("failed %s", failure);
            }
        }

        @Override
        public void onResponse(CompositeObservation observation, Registration registration,
                ObserveCompositeResponse response) {
            Console.event("notified %s composite", registration.getEndpoint());
        }

        @Override
        public void onError(Observation observation, Registration registration, Exception failure) {
            Console.event("failed %s", failure);
        }
    }
}
