/** The version of RabbitMQ that this broker reports. Clients and tools choose features by it. */
export const rabbitmqVersion = '4.3.0';
