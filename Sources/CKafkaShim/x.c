#include "CKafkaShim.h"
int cks_placeholder(void){return 0;}
