// SPDX-License-Identifier: Apache-2.0
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;

import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteRequest;
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
 * <pre>
 * psk ENDPOINT IDENTITY HEXKEY         the endpoint may come with this key
 * read ENDPOINT PATH [CONTENT-FORMAT]  CODE {"path": "value", ...}
 * write ENDPOINT PATH INTEGER          CODE {}
 * execute ENDPOINT PATH                CODE {}
 * observe ENDPOINT PATH                CODE {...}, then EVENT notified ENDPOINT PATH {...}
 * </pre>
 */
public final class LeshanServerPeer {
    private static final long ANSWER_TIMEOUT_MS = 10_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final InMemorySecurityStore securities = new InMemorySecurityStore();
    private final LeshanServer server;

    private LeshanServerPeer() {
        var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        var endpoints = new CaliforniumServerEndpointsProvider.Builder(new CoapServerProtocolProvider(),
                new CoapsServerProtocolProvider()).addEndpoint(loopback, Protocol.COAP)
                        .addEndpoint(loopback, Protocol.COAPS);
        server = new LeshanServerBuilder().setSecurityStore(securities).setEndpointsProviders(endpoints.build())
                .build();
        server.getRegistrationService().addListener(new Registrations());
        server.getObservationService().addListener(new Observations());
    }

    public static void main(String[] arguments) throws Exception {
        var peer = new LeshanServerPeer();
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
        case "read":
            ContentFormat format = words.length > 3 ? ContentFormat.fromCode(Integer.parseInt(words[3])) : null;
            return send(words[1], new ReadRequest(format, words[2]));
        case "write": {
            var path = new LwM2mPath(words[2]);
            return send(words[1], new WriteRequest(path.getObjectId(), path.getObjectInstanceId(),
                    path.getResourceId(), Long.parseLong(words[3])));
        }
        case "execute":
            return send(words[1], new ExecuteRequest(words[2]));
        case "observe":
            return send(words[1], new ObserveRequest(words[2]));
        default:
            return "ERROR no command " + words[0];
        }
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
        return response.getCode().getCode() + " " + JSON.writeValueAsString(leaves(path, content)) + reason;
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
            Console.event("updated %s lifetime=%d", registration.getEndpoint(), registration.getLifeTimeInSec());
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
