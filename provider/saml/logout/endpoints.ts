import type { Binding } from '../names.ts';
import type { Endpoint, ServiceProvider } from '../service_provider.ts';

/** Where a browser is sent to a service provider with a LogoutRequest; by redirect if it can be. */
export function browserEndpoint(provider: ServiceProvider | undefined): Endpoint | undefined {
  return endpointBy(provider, 'redirect') ?? endpointBy(provider, 'post');
}

/** Where a browser goes with the answer to a LogoutRequest: by the binding that it came by, if there is such an address. */
export function answerEndpoint(provider: ServiceProvider | undefined, binding: Binding): Endpoint | undefined {
  const endpoint = (binding === 'post' && endpointBy(provider, 'post')) || browserEndpoint(provider);
  return endpoint && { ...endpoint, location: endpoint.responseLocation ?? endpoint.location };
}

export function endpointBy(provider: ServiceProvider | undefined, binding: Binding): Endpoint | undefined {
  return provider?.metadata.singleLogoutServices.find((endpoint) => endpoint.binding === binding);
}
