/** The version of RabbitMQ that this broker reports. Clients and tools use it to decide which features to request. */
export const rabbitmqVersion = '4.3.0';
